"""One turn of a conversation: plan, tools, checked answer; and the sessions that keep what was said.

Rules of language belong in `understanding` and `reply`, tools in `tool`, model servers in `llm`.
"""
