"""Settings: one documented file, `bojagi.toml`, and `BOJAGI_*` environment variables.

An example that spells out the defaults (every key is optional):

```toml
engine = "sail"           # sail: embedded, no JVM; spark: Apache Spark in a JVM; sc://host:port: a cluster
engine_memory = "3GB"     # what the engine may use before it spills to disk; default: a quarter of the machine's
prefer_hash_join = true   # Sail: faster joins, an error if one exceeds engine_memory; default: by size of landed files
data_dir = "data"         # folder of everything that a run reads and writes, unless set otherwise below
landing_dir = "data/landing"       # files arrive in landing/<source>/
# landing_root = "s3://shop/landing" # object store in which files arrive instead; default: none, landing_dir
lakehouse_root = "data/lakehouse"  # a folder, or a URL such as s3://bucket/path
secret_dir = "data/secret"         # keys and their store; put it on another disk, out of the data's backups
contract_dirs = ["my/contracts"]   # folders with contracts of your own, beside the built-in ones and data/contracts
phone_region = "KR"       # the country of phone numbers written without a country code
max_line_size = "64MiB"   # a longer line of a text file is refused, so that memory stays bounded
seed = 20170101           # of the simulator
scale = 1                 # of the simulator: how many copies of the market
hsm_token = "bojagi"      # label of the token in hsm_module, a PKCS#11 module that keeps the key-encryption key
# hsm_module = "/usr/lib/softhsm/libsofthsm2.so"  # default: none, the key-encryption key is a private file
# hsm_pin_file = "pin"    # private file with the token's PIN
# database = "postgresql://bojagi@db:5432/bojagi"  # PostgreSQL with the stores of several machines; default: files
# database_password_file = "secret/database"  # private file with its password
# ledger_postgres_file = "ledger"  # private file with the connection string of a fleet's privacy ledger
# online_redis_file = "redis"  # private file with the URL of a fleet's Redis, rediss://user:password@host:port/0
feature_project = "bojagi"  # name of the features' project; installations that share a Redis need different ones
run_date = 2017-12-31     # reference date; default: run_date.toml of a simulated data folder, else today
# report_archive = "s3://shop/reports"  # folder or URL to which reports are copied after each run; default: none
# anchor_archive = "s3://audit/anchors"  # place, elsewhere, where anchors of the audit log are published; default: none
controller = "Bojagi Mart"  # organisation responsible for the processing; only its consent records decide
time_zone = "Asia/Seoul"  # of the shop's wall time, in which tables and consents are kept

[http]                    # `bojagi serve`
host = "127.0.0.1"        # address to listen on; with another one, set the certificate
port = 8080
# tls_certificate = "tls/certificate.pem"  # with tls_key: serves HTTPS
requests_per_minute = 6000   # of one caller, in each process
# public_url = "https://events.shop.example"  # address for browser SDKs behind a proxy; default: the request's

# [oidc]                  # bearer tokens of an OpenID Connect provider, beside API keys
# issuer = "https://login.example"         # `iss` of a token
# audience = "bojagi"     # `aud` of a token
# jwks_file = "jwks.json" # the provider's public keys; default: fetched from the issuer
# role_claim = "bojagi_role"               # claim with the role
# purposes_claim = "bojagi_purposes"       # claim with the purposes: a list, or a text with blanks between them
# client_id = "bojagi-console"             # staff sign in to the console at this provider
# client_secret_file = "secret/oidc"       # private file with the client's secret; default: none, PKCE alone

# [backup]                # what `bojagi backup` writes
# place = "s3://backup/bojagi"             # folder or URL of tables and stores
# secrets_place = "/vault/bojagi"          # folder or URL of the secrets, with other access rights
# key_file = "/etc/bojagi/backup.key"      # private file that seals both; keep a copy of it elsewhere
# keep_days = 30          # also storage_options, secrets_storage_options, scratch_dir, scratch_database

# [[backups]]             # a copy that another program makes; certificates of erasures name it with its expiry
# name = "weekly"
# path = "/backup/weekly" # searched for persons at each erasure; leave it out for a copy that cannot be read
# expires_on = 2026-12-31

# [portal]                # the web portal; without mail_host there is no sign-in by mail
# public_url = "https://privacy.example"   # its address, with which links in mails begin
# mail_host = "smtp.example"               # sends one-time links; also mail_port, mail_user, mail_password_file
# mail_tls = "starttls"   # starttls, tls, or none for a server in this machine
# mail_sender = "privacy@shop.example"

# [console]               # the console for staff
# public_url = "https://console.example"   # its address; needed for the sign-in at a provider
[chat]                    # the shopping agent, `POST /v1/chat`
branch = "main"           # branch of a conversation that names none
keep_days = 30            # a conversation is deleted so many days after its last message
token_hours = 12          # a chat page's token works so long
messages_per_minute = 30  # of one chat page, in each process
most_message_characters = 2000

# [llm.models.small]      # a language model of the shopping agent; default: none, rules plan and templates answer
# url = "http://gpu:8000/v1"               # any OpenAI-compatible server, such as vLLM
# name = "deepseek-ai/DeepSeek-R1-Distill-Qwen-7B"
# api_key_file = "secret/llm"              # private file with the server's key
# is_reasoning = false    # answers begin with reasoning that only `</think>` ends: a server without reasoning parser
# reasoning_tokens = 0    # what it may spend on reasoning, beside its answer
# [llm.tiers]             # which models a task tries, in order; default: all, in their order here
# plan = ["small"]        # tasks: plan, short_answer, analysis, hard, extract

[search]                  # what the shopping agent searches
# opensearch_url = "https://search.example:9200"  # a fleet's index; default: embedded, in data/search
# opensearch_password_file = "secret/opensearch"  # private file with user:password
opensearch_index = "bojagi"
# embedding_url = "http://gpu:8000/v1"     # OpenAI-compatible endpoint of vectors; default: words only
# embedding_model = "BAAI/bge-m3"          # its model, or a model of the package sentence-transformers
# extraction_url = "http://gpu:8000/v1"    # OpenAI-compatible endpoint that reads pages about places nearby
# extraction_model = "deepseek-7b"         # its model; default: only lines with labels are read

[log]                     # entries are lines of JSON without personal data
format = "text"           # json: every command, request and run is logged; text: only `bojagi serve` logs
level = "info"            # debug, info, warning or error
# file = "/var/log/bojagi/bojagi.jsonl"    # default: standard error

[alerts]                  # messages about failures; [alerts.webhooks.NAME], [alerts.mail]: docs/operate/observe.md
# file = "/var/log/bojagi/alert.jsonl"     # one line of JSON a message
repeat_hours = 24         # an alert that still holds is sent again so often
disk_free_percent = 10    # below it, the disk of the data folder is an alert
unread_days = 7           # a consent statement that has not been read so long is an alert

# [destinations.crm]      # a program that gets the changes of profiles, of customers who permit the purpose
# table = "gold/customer_360"              # with one row a customer
# columns = ["order_count_90d"]            # those that the role may read for the purpose; also patterns
# purpose = "personalisation"
# role = "agent"
# webhook = {url = "https://crm.example/bojagi", secret_file = "secret/crm"}  # signed as Standard Webhooks says; or
# kafka = {brokers = "kafka:9092", topic = "profile", secret_file = "secret/crm"}  # also credentials; or, with an
# audience and no table: file = {folder = "export/crm", format = "csv", identifiers = "customer_id"}

[storage_options]         # of the object store of every URL here, in the names of delta-rs; not printed
# AWS_ACCESS_KEY_ID = "…"                  # with AWS_SECRET_ACCESS_KEY; default: those of the machine
# AWS_REGION = "ap-northeast-2"
# AWS_ENDPOINT_URL = "http://minio:9000"   # of a store that is not Amazon's
# AWS_ALLOW_HTTP = "true"                  # for an endpoint without TLS

[source_credentials]      # of the databases, buckets and brokers that contracts name as their server, here `shop`
# shop = {user = "reader", password_file = "secret/shop", options = {sslmode = "verify-full"}}
```

A variable is the key in capitals after `BOJAGI_` (`BOJAGI_ENGINE=spark`) and overrides the file. The file
is the one that `BOJAGI_CONFIG` names, else `bojagi.toml` in the working directory, else `/etc/bojagi/bojagi.toml`.
With the last one, `data_dir` is `/var/lib/bojagi` unless it is set. Relative paths start at the working directory.
`bojagi settings` prints this page. Nothing else in the project reads the environment.
"""

import datetime
import os
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import ByteSize, Field, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict
from pydantic_settings import SettingsError as EnvironmentFault

from installation.agent_settings import ChatSettings, LlmSettings
from installation.alert_settings import AlertSettings
from installation.backup_settings import BackupSettings, CopySettings
from installation.console_settings import ConsoleSettings
from installation.contract.built_in import BUILT_IN
from installation.destination_settings import DestinationSettings
from installation.errors import SettingsError
from installation.http_settings import HttpSettings, OidcSettings
from installation.log_settings import LogSettings
from installation.portal_settings import PortalSettings
from installation.search_settings import SearchSettings
from installation.source_credential import SourceCredential

ENVIRONMENT_PREFIX = "BOJAGI_"
CONFIG_FILE_VARIABLE = "BOJAGI_CONFIG"
DEFAULT_CONFIG_FILE = Path("bojagi.toml")
MACHINE_CONFIG_FILE = Path("/etc/bojagi/bojagi.toml")
"""The settings file of a machine on which Bojagi is a service; read where the working directory has none."""
MACHINE_DATA_DIR = "/var/lib/bojagi"
DEFAULT_TIME_ZONE = "Asia/Seoul"
# With less, a join of one market's year spills to disk.
_LEAST_MEMORY = 3_000_000_000
# Settings whose values are not printed.
_SECRET = ("storage_options", "source_credentials", "database", "backup")
# Variables with the prefix BOJAGI_ that are not settings: the file to read, and what the tests must not skip.
RESERVED_VARIABLES = frozenset({CONFIG_FILE_VARIABLE, "BOJAGI_REQUIRE"})


def _below_data_dir(folder: str) -> Any:
    return lambda values: Path(values.get("data_dir", "data")) / folder


def _a_quarter_of_memory() -> ByteSize:
    """Return a quarter of the machine's memory, so that a larger machine needs no other setting."""
    return ByteSize(max(_LEAST_MEMORY, os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 4))


class Settings(BaseSettings):
    """The settings of one installation. Frozen; `load_settings` makes it."""

    model_config = SettingsConfigDict(env_prefix=ENVIRONMENT_PREFIX, frozen=True, extra="forbid", validate_default=True)

    engine: str = Field("sail", pattern=r"^(sail|spark|sc://.+)$")
    engine_memory: ByteSize = Field(default_factory=_a_quarter_of_memory)
    prefer_hash_join: bool | None = None
    data_dir: Path = Path("data")
    landing_dir: Path = Field(default_factory=_below_data_dir("landing"))
    landing_root: str | None = None
    lakehouse_root: str = Field(default_factory=lambda values: str(_below_data_dir("lakehouse")(values)))
    secret_dir: Path = Field(default_factory=_below_data_dir("secret"))
    contract_dirs: tuple[Path, ...] = ()
    phone_region: str = Field("KR", pattern=r"^[A-Z]{2}$")
    max_line_size: ByteSize = ByteSize(64 * 1024 * 1024)
    seed: int = Field(20170101, ge=0)
    scale: int = Field(1, ge=1, le=1000)
    hsm_module: Path | None = None
    hsm_token: str = "bojagi"
    hsm_pin_file: Path | None = None
    database: SecretStr | None = None
    database_password_file: Path | None = None
    ledger_postgres_file: Path | None = None
    online_redis_file: Path | None = None
    feature_project: str = Field("bojagi", pattern=r"^[a-z0-9][a-z0-9_]{0,62}$")
    run_date: datetime.date | None = None
    anchor_archive: str | None = None
    report_archive: str | None = None
    controller: str = Field("Bojagi Mart", min_length=1, max_length=200)
    time_zone: str = DEFAULT_TIME_ZONE
    http: HttpSettings = HttpSettings()
    oidc: OidcSettings | None = None
    backup: BackupSettings | None = None
    backups: tuple[CopySettings, ...] = ()
    portal: PortalSettings = PortalSettings()
    console: ConsoleSettings = ConsoleSettings()
    chat: ChatSettings = ChatSettings()
    llm: LlmSettings = LlmSettings()
    search: SearchSettings = SearchSettings()
    log: LogSettings = LogSettings()
    alerts: AlertSettings = AlertSettings()
    storage_options: dict[str, str] = Field(default_factory=dict)
    source_credentials: dict[str, SourceCredential] = Field(default_factory=dict)
    destinations: dict[Annotated[str, Field(pattern="^[a-z][a-z0-9_]{0,62}$")], DestinationSettings] = Field(
        default_factory=dict
    )

    @field_validator("time_zone")
    @classmethod
    def _know_zone(cls, name: str) -> str:
        try:
            return ZoneInfo(name).key
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise ValueError("not a time zone of the IANA database; expected one such as Asia/Seoul") from error

    @field_validator("data_dir", "landing_dir", "secret_dir")
    @classmethod
    def _make_absolute(cls, path: Path) -> Path:
        return path.expanduser().absolute()

    @field_validator("lakehouse_root")
    @classmethod
    def _make_root_absolute(cls, root: str) -> str:
        """Return a URL unchanged, and a folder as an absolute path: an engine may have another working directory."""
        return root.rstrip("/") if "://" in root else str(Path(root).expanduser().absolute())

    @field_validator("landing_root")
    @classmethod
    def _require_url(cls, root: str | None) -> str | None:
        if root is not None and not root.startswith(("s3://", "s3a://")):
            raise ValueError("not a URL such as s3://bucket/landing; the setting of a folder is landing_dir")
        return None if root is None else root.rstrip("/")

    @field_validator("contract_dirs")
    @classmethod
    def _put_built_in_contracts_first(cls, folders: tuple[Path, ...], info: ValidationInfo) -> tuple[Path, ...]:
        """Return the contract folders: built-in ones, `contracts/` of the data folder if it exists, named ones."""
        own = info.data.get("data_dir", Path("data")) / "contracts"
        added = [folder.expanduser().absolute() for folder in folders]
        return tuple(dict.fromkeys((*BUILT_IN, *([own] if own.is_dir() else []), *added)))

    @property
    def truth_dir(self) -> Path:
        """The folder with the true persons of simulated records, for evaluation. No pipeline reads it."""
        return self.data_dir / "truth"

    @property
    def quality_site_dir(self) -> Path:
        """The folder of Great Expectations' Data Docs (HTML reports)."""
        return self.data_dir / "quality" / "site"

    @property
    def fetch_dir(self) -> Path:
        """The private folder of objects that are being fetched from buckets; empty between loads."""
        return self.data_dir / "fetch"

    @property
    def dagster_dir(self) -> Path:
        """The folder in which Dagster stores runs and events."""
        return self.data_dir / "dagster"

    @property
    def online_dir(self) -> Path:
        """The private folder of the embedded online store."""
        return self.data_dir / "online"

    @property
    def content_dir(self) -> Path:
        """The folder of the content files: what the shopping agent searches. Nothing in it is about customers."""
        return self.data_dir / "content"

    @property
    def place_page_dir(self) -> Path:
        """The folder of pages about places near the branches, one file a branch."""
        return self.data_dir / "place_page"

    @property
    def search_dir(self) -> Path:
        """The folder of the search index, its vectors and its queue of content files."""
        return self.data_dir / "search"

    @property
    def token_key_file(self) -> Path:
        """The file with the secret of the matching keys (mode 0600)."""
        return self.secret_dir / "token.key"

    @property
    def engine_log_file(self) -> Path:
        """The file of Apache Spark's own log."""
        return self.data_dir / "log" / "spark.log"


def load_settings(path: Path | None = None, **overrides: Any) -> Settings:
    """Return the settings from the settings file and the environment.

    `overrides` (a command's options) take precedence. An override that is None counts as not given.

    Raises:
        SettingsError: the named file is missing or not TOML, a key is unknown, or a value cannot be used.

    """
    values = _read_file(path or settings_file())
    _refuse_unknown_variables(os.environ)
    given = {key: value for key, value in overrides.items() if value is not None}
    _refuse_unknown_keys(given, "an argument")
    unset = {key: value for key, value in values.items() if _variable(key) not in os.environ}
    try:
        return Settings(**(unset | given))
    except ValidationError as error:
        faults = "; ".join(_describe_faults(error))
        raise SettingsError(f"Invalid settings: {faults}. `bojagi settings` lists all settings.") from error
    except EnvironmentFault as error:
        raise SettingsError(
            f"environment: {error}. Lists and tables are given as JSON, such as BOJAGI_CONTRACT_DIRS='[\"contracts\"]'."
        ) from error


def _describe_faults(error: ValidationError) -> Iterator[str]:
    for fault in error.errors():
        # This default depends on another setting, whose own fault is reported already.
        if fault["type"] != "default_factory_not_called":
            value = "" if fault["loc"][:1] and fault["loc"][0] in _SECRET else f" = {fault['input']!r}"
            yield f"{'.'.join(map(str, fault['loc']))}{value}: {fault['msg']}"


def java_home() -> Path | None:
    """Return the folder that JAVA_HOME names; None when the variable is not set."""
    value = os.environ.get("JAVA_HOME")
    return Path(value) if value else None


def settings_file() -> Path | None:
    """Return the settings file that is read; None if there is none, so that the defaults apply."""
    named = os.environ.get(CONFIG_FILE_VARIABLE)
    if named:
        return Path(named)
    return next((path for path in (DEFAULT_CONFIG_FILE, MACHINE_CONFIG_FILE) if path.exists()), None)


def _read_file(path: Path | None) -> dict[str, Any]:
    if path is None:
        return {}
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(
            f"{path}: cannot read the settings file: {error}. Check the path and its permissions."
        ) from error
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{path}: not TOML: {error}. Correct the file.") from error
    _refuse_unknown_keys(values, str(path))
    return {"data_dir": MACHINE_DATA_DIR} | values if path == MACHINE_CONFIG_FILE else values


def _refuse_unknown_keys(values: Mapping[str, Any], where: str) -> None:
    for key in values:
        if key not in Settings.model_fields:
            raise SettingsError(f"{where}: unknown setting {key!r}{_suggest(key, Settings.model_fields)}")


def _refuse_unknown_variables(environment: Mapping[str, str]) -> None:
    known = {_variable(key) for key in Settings.model_fields}
    for name in environment:
        if name.startswith(ENVIRONMENT_PREFIX) and name not in known | RESERVED_VARIABLES:
            raise SettingsError(f"environment: unknown setting {name}{_suggest(name, known)}")


def _suggest(name: str, known: Iterable[str]) -> str:
    close = get_close_matches(name, list(known), n=1)
    return f"; did you mean {close[0]!r}?" if close else f"; known are {', '.join(sorted(known))}."


def _variable(key: str) -> str:
    return f"{ENVIRONMENT_PREFIX}{key.upper()}"
