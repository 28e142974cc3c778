"""Consent receipts: a record as JSON-LD in the W3C Data Privacy Vocabulary (DPV), for the person to keep.

Follows the DPV guide to ISO/IEC TS 27560:2023. A receipt has every field of the record, so that
`read_receipt(write_receipt(record)) == record`.
"""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError

from privacy.consent.errors import ReceiptError
from privacy.consent.purpose import Taxonomy
from privacy.consent.record import ConsentRecord
from privacy.consent.state import DPV_TERM, EVERY_PURPOSE

CONTEXT: dict[str, Any] = {
    "dpv": "https://w3id.org/dpv#",
    "pd": "https://w3id.org/dpv/pd#",
    "loc": "https://w3id.org/dpv/loc#",
    "dct": "http://purl.org/dc/terms/",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
    "bojagi": "urn:bojagi:consent#",
}
CONFORMS_TO = "https://w3id.org/dpv/schema/dpv-27560#record"
_RECEIPT_CONFORMS_TO = "https://w3id.org/dpv/schema/dpv-27560#receipt"
_STATE = {term: state for state, term in DPV_TERM.items()}
_EXPRESSED_BY = {
    "self": "dpv:DataSubject",
    "guardian": "dpv:GuardianOfDataSubject",
    "agent": "bojagi:AgentOfDataSubject",
}


def write_receipt(record: ConsentRecord, taxonomy: Taxonomy) -> dict[str, Any]:
    """Return the receipt of a record, as JSON-LD.

    Raises:
        UnknownPurposeError: the record's purpose is not in the taxonomy.
    """
    return {
        "@context": CONTEXT,
        "@id": f"urn:bojagi:receipt:{record.record_id}",
        "@type": "dpv:ConsentReceipt",
        "dct:conformsTo": _RECEIPT_CONFORMS_TO,
        "dpv:hasRecordOfActivity": _without_missing(_record(record, taxonomy)),
    }


def read_receipt(document: dict[str, Any]) -> ConsentRecord:
    """Return the record of a receipt that `write_receipt` made.

    Raises:
        ReceiptError: the document is not such a receipt.
    """
    try:
        activity = document["dpv:hasRecordOfActivity"]
        process, notice, state = activity["dpv:hasProcess"], activity["dpv:hasNotice"], activity["dpv:hasConsentStatus"]
        expressed_by = next(k for k, term in _EXPRESSED_BY.items() if term == activity["dpv:isIndicatedBy"])
        return ConsentRecord.model_validate(
            {
                "record_id": activity["dct:identifier"],
                "subject_id": activity["dpv:hasDataSubject"]["dct:identifier"],
                "controller": activity["dpv:hasDataController"]["dpv:hasName"],
                "purpose": process["dpv:hasPurpose"]["dct:identifier"],
                "data_categories": tuple(process.get("dpv:hasPersonalData", ())),
                "notice_version": notice["dct:hasVersion"],
                "notice_language": notice["dct:language"],
                "recipients": tuple(r["dpv:hasName"] for r in process.get("dpv:hasRecipient", ())),
                "storage": process.get("dpv:hasStorageCondition"),
                "jurisdiction": activity["dpv:hasJurisdiction"].removeprefix("loc:"),
                "method": activity["dpv:hasIndicationMethod"],
                "withdrawal_method": activity.get("dpv:hasWithdrawalMethod"),
                "state": _STATE[state["@type"]],
                "effective_at": state["dpv:isIndicatedAtTime"]["@value"],
                "recorded_at": activity["dct:created"]["@value"],
                "expires_at": state.get("dct:valid", {}).get("@value"),
                "expressed_by": expressed_by,
                "age_years": activity.get("bojagi:ageYears"),
                "asked": activity.get("bojagi:asked"),
                "evidence_hash": activity["bojagi:evidenceSha256"],
                "supersedes": activity.get("dct:replaces"),
                "note": activity.get("bojagi:note"),
                "recorded_by": activity.get("bojagi:recordedBy"),
            }
        )
    except (KeyError, TypeError, AttributeError, StopIteration) as error:
        raise ReceiptError(
            f"Not a receipt of Bojagi: {type(error).__name__} at {error}. Use the document as `bojagi consent receipt` "
            "printed it."
        ) from error
    except ValidationError as error:
        places = ", ".join(".".join(map(str, fault["loc"])) for fault in error.errors())
        raise ReceiptError(
            f"The receipt has faults in {places}. Use the document as `bojagi consent receipt` printed it."
        ) from None


def _record(record: ConsentRecord, taxonomy: Taxonomy) -> dict[str, Any]:
    purpose = "dpv:Purpose" if record.purpose == EVERY_PURPOSE else taxonomy[record.purpose].dpv
    return {
        "@id": f"urn:bojagi:record:{record.record_id}",
        "@type": "dpv:ConsentRecord",
        "dct:conformsTo": CONFORMS_TO,
        "dct:identifier": record.record_id,
        "dct:created": _moment(record.recorded_at.isoformat()),
        "dct:replaces": record.supersedes,
        "dpv:hasDataSubject": {"@type": "dpv:Consumer", "dct:identifier": record.subject_id},
        "dpv:hasDataController": {"@type": "dpv:DataController", "dpv:hasName": record.controller},
        "dpv:hasJurisdiction": f"loc:{record.jurisdiction}",
        "dpv:hasProcess": _without_missing(
            {
                "@type": "dpv:Process",
                "dpv:hasPurpose": {"@type": purpose, "dct:identifier": record.purpose},
                "dpv:hasPersonalData": list(record.data_categories),
                "dpv:hasRecipient": [{"@type": "dpv:Recipient", "dpv:hasName": name} for name in record.recipients],
                "dpv:hasStorageCondition": record.storage,
            }
        ),
        "dpv:hasNotice": {
            "@type": "dpv:ConsentNotice",
            "dct:hasVersion": record.notice_version,
            "dct:language": record.notice_language,
        },
        "dpv:hasConsentStatus": _without_missing(
            {
                "@type": DPV_TERM[record.state],
                "dpv:isIndicatedAtTime": _moment(record.effective_at.isoformat()),
                "dct:valid": None if record.expires_at is None else _moment(record.expires_at.isoformat()),
            }
        ),
        "dpv:isIndicatedBy": _EXPRESSED_BY[record.expressed_by],
        "dpv:hasIndicationMethod": record.method,
        "dpv:hasWithdrawalMethod": record.withdrawal_method,
        "bojagi:ageYears": record.age_years,
        "bojagi:asked": record.asked,
        "bojagi:evidenceSha256": record.evidence_hash,
        "bojagi:note": record.note,
        "bojagi:recordedBy": record.recorded_by,
    }


def _moment(text: str) -> dict[str, str]:
    return {"@type": "xsd:dateTime", "@value": text}


def _without_missing(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None and value != []}
