from agent_serving.llm.circuit import FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS, Circuit


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_three_failures_in_a_row_open_it_and_one_trial_at_a_time_follows() -> None:
    clock = Clock()
    circuit = Circuit(clock)
    for _ in range(2):
        circuit.fail()
    circuit.succeed()
    for _ in range(3):
        assert circuit.enter(60)
        circuit.fail()
    assert not circuit.enter(60)
    clock.now += FIRST_PAUSE_SECONDS
    assert [circuit.enter(60), circuit.enter(60)] == [True, False]
    circuit.succeed()
    assert circuit.enter(60)
    assert circuit.enter(60)


def test_a_failed_trial_doubles_the_pause_up_to_a_limit() -> None:
    clock = Clock()
    circuit = Circuit(clock)
    for _ in range(40):
        circuit.fail()
    clock.now += LONGEST_PAUSE_SECONDS - 1
    assert circuit.is_open
    clock.now += 1
    assert not circuit.is_open


def test_a_trial_that_was_abandoned_or_never_ended_does_not_keep_it_open() -> None:
    clock = Clock()
    circuit = Circuit(clock)
    for _ in range(3):
        circuit.fail()
    clock.now += FIRST_PAUSE_SECONDS
    assert circuit.enter(60)
    circuit.abandon()
    assert circuit.enter(60)
    clock.now += 60
    assert circuit.enter(60)
