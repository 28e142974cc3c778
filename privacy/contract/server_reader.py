"""Reads the server of a contract: where the data of a source comes from, and in which format.

ODCS server types: `local` (files of the landing folder), `s3` (files of an object store), `postgres`, `postgresql` and
`mysql` (a table or view), `kafka` (a topic). Credentials are never part of a contract; the settings hold them under the
server's name.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from open_data_contract_standard.model import OpenDataContractStandard, Server

from privacy.contract.custom_property import read_custom
from privacy.contract.document import Bucket, DatabaseTable, FileFormat, KafkaTopic, codec_of
from privacy.contract.yaml_source import Source, YamlPath

FORMATS = ("csv", "jsonl", "json", "parquet", "xlsx")
MESSAGE_FORMATS = ("json", "avro")
TABLE_FORMAT = "table"
"""Format of a source that is a database table."""
PORTS = {"postgresql": 5432, "mysql": 3306}
PLACE: YamlPath = ("servers", 0)
_S3 = re.compile(r"s3a?://([^/\s]+)/(\S+)")
_OF_TABLES = ("cursor", "lookback", "deletions", "deletionLimit")
_OF_TOPICS = ("avroSchema", "avroHeader")
_OF_FILES = ("delimiter", "quote", "nullValues", "multiline", "sheet", "headerRow", "footerRows")


def read_file_format(standard: OpenDataContractStandard, table: str, source: Source) -> FileFormat | None:
    """Return the format and origin of a source's data; None without a server, or with a fault, which is reported.

    `table` is the name of the table in a database, or of the topic.
    """
    servers = standard.servers or []
    if not servers:
        return None
    server = servers[0]
    custom = read_custom(server.customProperties, PLACE, "serverProperties", source)
    if len(servers) > 1:
        message = "A source must declare exactly one server"
        source.report(("servers", 1), message, got=str(len(servers)), expected="1", hint="remove the others")
    reader = _READERS.get(server.type or "")
    if reader is None:
        message = "Unknown type of server"
        source.report((*PLACE, "type"), message, got=repr(server.type), expected=f"one of {', '.join(_READERS)}")
        return None
    return reader(server, custom, table, source)


def _read_local(server: Server, custom: dict[str, Any], _: str, source: Source) -> FileFormat | None:
    if not server.path or server.format not in FORMATS:
        source.report(
            PLACE,
            "The server does not fully declare the file format",
            got=f"type {server.type!r}, path {server.path!r}, format {server.format!r}",
            expected=f"type local, a path, format {' or '.join(FORMATS)}",
        )
        return None
    return _files(server, custom, source, path=server.path)


def _read_s3(server: Server, custom: dict[str, Any], _: str, source: Source) -> FileFormat | None:
    place = _S3.fullmatch(server.location or "")
    if place is None or server.format not in FORMATS or not server.server:
        source.report(
            PLACE,
            "The server does not fully declare the objects",
            got=f"server {server.server!r}, location {server.location!r}, format {server.format!r}",
            expected=f"a server name, a location such as s3://bucket/folder/*.csv, format {' or '.join(FORMATS)}",
        )
        return None
    origin = Bucket(server.server, place[1], server.endpointUrl, server.region or server.regionName)
    return _files(server, custom, source, path=place[2], origin=origin)


def _read_database(server: Server, custom: dict[str, Any], table: str, source: Source) -> FileFormat | None:
    kind = "mysql" if server.type == "mysql" else "postgresql"
    port = _port(server, kind)
    if not server.server or not server.host or not server.database or port is None:
        source.report(
            PLACE,
            "The server does not fully declare the database",
            got=f"server {server.server!r}, host {server.host!r}, port {server.port!r}, database {server.database!r}",
            expected="a server name, which the setting source_credentials has too, a host, a port, a database",
        )
        return None
    _report_foreign(custom, _OF_FILES, "belongs to files, and the source is a database table", source)
    _report_foreign(custom, _OF_TOPICS, "belongs to topics, and the source is a database table", source)
    origin = DatabaseTable(
        server=server.server,
        kind=kind,  # type: ignore[arg-type]
        host=server.host,
        port=port,
        database=server.database,
        schema=(server.schema_ or "public") if kind == "postgresql" else None,
        table=table,
        cursor=custom.get("cursor"),
        lookback=custom.get("lookback", 3600),
        deletions=custom.get("deletions"),
        deletion_limit=float(custom.get("deletionLimit", 20)),
    )
    return FileFormat(
        path="",
        format=TABLE_FORMAT,
        origin=origin,
        null_values=(),
        time_zone=custom.get("timeZone"),
        shop_time_zone=custom.get("shopTimeZone"),
        schema_drift=custom.get("schemaDrift", "warn"),
        quarantine_limit=float(custom.get("quarantineLimit", 1)),
    )


def _read_kafka(server: Server, custom: dict[str, Any], topic: str, source: Source) -> FileFormat | None:
    form, schema = server.format or "json", custom.get("avroSchema", {})
    if not server.server or not server.host or form not in MESSAGE_FORMATS or bool(schema) != (form == "avro"):
        source.report(
            PLACE,
            "The server does not fully declare the topic",
            got=f"server {server.server!r}, host {server.host!r}, format {form!r}"
            f"{', avroSchema' if schema else ', no avroSchema'}",
            expected="a server name, a host such as broker-1:9092,broker-2:9092, format json, or avro with avroSchema",
        )
        return None
    _report_foreign(custom, (*_OF_FILES, *_OF_TABLES), "does not belong to a topic", source)
    origin = KafkaTopic(server.server, server.host, topic, schema, custom.get("avroHeader", "none"))
    return FileFormat(
        path="",
        format=form,
        origin=origin,
        null_values=(),
        time_zone=custom.get("timeZone"),
        shop_time_zone=custom.get("shopTimeZone"),
        schema_drift=custom.get("schemaDrift", "warn"),
        quarantine_limit=float(custom.get("quarantineLimit", 1)),
    )


def _files(
    server: Server, custom: dict[str, Any], source: Source, path: str, origin: Bucket | None = None
) -> FileFormat | None:
    _report_foreign(custom, _OF_TABLES, "belongs to database tables, and the source consists of files", source)
    _report_foreign(custom, _OF_TOPICS, "belongs to topics, and the source consists of files", source)
    encoding = server.encoding or "UTF-8"
    try:
        codec_of(encoding)
    except LookupError:
        _report_encoding(encoding, source)
        return None
    return FileFormat(
        path=path,
        format=server.format or "",
        origin=origin,
        encoding=encoding,
        delimiter=custom.get("delimiter", ","),
        quote=custom.get("quote", '"'),
        null_values=tuple(custom.get("nullValues", ("",))),
        multiline=custom.get("multiline", True),
        time_zone=custom.get("timeZone"),
        shop_time_zone=custom.get("shopTimeZone"),
        sheet=custom.get("sheet"),
        header_row=custom.get("headerRow", 1),
        footer_rows=custom.get("footerRows", 0),
        schema_drift=custom.get("schemaDrift", "warn"),
        quarantine_limit=float(custom.get("quarantineLimit", 1)),
    )


def _report_encoding(encoding: str, source: Source) -> None:
    """Report an encoding that Python does not know, or the list of possible ones that `contracts init` has drafted."""
    place, possible = (*PLACE, "encoding"), encoding.split(" or ")
    if len(possible) > 1:
        hint = "open the file in each of them, and keep the one in which its texts are right"
        message = "The encoding is not decided: the file is readable in several"
        source.report(place, message, got=repr(encoding), expected=f"one of {', '.join(possible)}", hint=hint)
    else:
        source.report(place, "Unknown encoding", got=repr(encoding), expected="UTF-8, CP949, ISO-8859-1 or another one")


def _port(server: Server, kind: str) -> int | None:
    """Return the port; the usual one when none is stated, None when it is not a number."""
    text = str(PORTS[kind] if server.port is None else server.port)
    return int(text) if text.isdecimal() and 0 < int(text) < 65536 else None


def _report_foreign(custom: dict[str, Any], names: tuple[str, ...], why: str, source: Source) -> None:
    for name in names:
        if name in custom:
            source.report(PLACE, f"Property {name!r} {why}", hint="remove it")


_READERS: dict[str, Callable[[Server, dict[str, Any], str, Source], FileFormat | None]] = {
    "local": _read_local,
    "s3": _read_s3,
    "postgresql": _read_database,
    "postgres": _read_database,
    "mysql": _read_database,
    "kafka": _read_kafka,
}
