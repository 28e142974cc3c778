"""Turns the cash register's codes of departments, categories and types into labels that people can read.

The codes are upper case, abbreviated, and cut off after LONGEST_CODE characters: `FRZN JCE CONC/DRNKS`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

LONGEST_CODE = 30
"""The product file cuts longer codes off, so a code of this length may end within a word."""

# A code whose abbreviations cannot be read word by word, or whose words mean something else there.
_WHOLE = {
    "CHARITABLE CONT": "Charitable contributions",
    "CHEF SHOPPE": "Chef shop",
    "CNTRL/STORE SUP": "Central store supplies",
    "DRUG GM": "Drugs and general merchandise",
    "ELECT &PLUMBING": "Electrical and plumbing",
    "GM MERCH EXP": "General merchandise",
    "MEAT-PCKGD": "Packaged meat",
    "PROD-WHS SALES": "Produce from the warehouse",
    "SEAFOOD-PCKGD": "Packaged seafood",
    "BABYFOOD": "Baby food (other)",
    "COUPONS/STORE & MFG": "Coupons of stores and manufacturers",
    "CRACKERS/MISC BKD FD": "Crackers and other baked food",
    "DRY BN/VEG/POTATO/RICE": "Dry beans, vegetables, potatoes, rice",
    "FACIAL TISS/DNR NAPKIN": "Facial tissues, napkins",
    "FD WRAPS/BAGS/TRSH BG": "Food wraps, bags, trash bags",
    "FRZN VEGETABLE/VEG DSH": "Frozen vegetables and vegetable dishes",
    "HEAT/SERVE": "Heat and serve",
    "NDAIRY/TEAS/JUICE/SOD": "Non-dairy drinks, teas, juices, sodas",
    "PKG.SEAFOOD MISC": "Packaged seafood, miscellaneous",
    "PNT BTR/JELLY/JAMS": "Peanut butter, jelly, jams",
    "PROD SUPPLIES": "Produce supplies",
    "PWDR/CRYSTL DRNK MX": "Powdered drink mixes",
    "SALD DRSNG/SNDWCH SPRD": "Salad dressings, sandwich spreads",
    "SNKS/CKYS/CRKR/CNDY": "Snacks, cookies, crackers, candy",
    "RW FRESH PROCESSED MEAT": "Fresh processed meat",
}  # fmt: skip
_WORDS = {
    "ACCESS": "accessories", "BBQ": "BBQ", "BEERALEMALT": "beer, ale, malt", "BG": "bags", "BKD": "baked",
    "BNDGES": "bandages", "BRD": "breaded", "BRKFST": "breakfast", "BTL": "bottle", "BTR": "butter",
    "CARB": "carbonated", "CATFD": "cat food", "CHIX": "chicken", "CHOCOCLATE": "chocolate", "CHRISTMAS": "Christmas",
    "CKYS": "cookies", "CLEANG": "cleaning", "CND": "canned", "CNDY": "candy", "CNTRL": "control", "COCO": "cocoa",
    "CONC": "concentrate", "CRBNTD": "carbonated", "CRKR": "crackers", "CRMD": "creamed", "DEOD": "deodorant",
    "DISPOSIBLE": "disposable", "DNR": "dinner", "DNRS": "dinners", "DOGFD": "dog food", "DPS": "dips",
    "DRNK": "drink", "DRNKING": "drinking", "DRNKNG": "drinking", "DRNKS": "drinks", "DRSNG": "dressing",
    "DSH": "dishes", "DVD": "DVD", "EASTER": "Easter", "ELSTC": "elastic", "FD": "food", "FEM": "feminine",
    "FLVR": "flavored", "FLVRD": "flavored", "FRD": "fried", "FRE": "fresh", "FRENCH": "French", "FRZ": "frozen",
    "FRZN": "frozen", "GDS": "goods", "GRND": "ground", "HALLOWEEN": "Halloween", "HBC": "health and beauty care",
    "HISPANIC": "Hispanic", "HYGN": "hygiene", "INDIAN": "Indian", "INSTORE": "in-store", "ITALIAN": "Italian",
    "JAPANESE": "Japanese", "JCE": "juice", "JHOOK": "J-hook", "LIQS": "liquids", "LITE": "light", "LTR": "lighter",
    "MEMORABLILIA": "memorabilia", "MEXICAN": "Mexican", "MFG": "manufacturer", "MICROWAVABLE": "microwavable",
    "MISC": "miscellaneous", "MIXS": "mixes", "MLK": "milk", "MLT": "multi", "MNERAL": "mineral", "MNRL": "mineral",
    "MULT": "multi", "MW": "microwave", "MX": "mix", "MXS": "mixes", "NZ": "New Zealand", "ORGNC": "organic",
    "PCKGD": "packaged", "PICKLD": "pickled", "PK": "pack", "PKG": "package", "PKGD": "packaged", "PKLD": "pickled",
    "PLSTC": "plastic", "PNT": "peanut", "PPK": "prepacked", "PREM": "premium", "PREPORTND": "preportioned",
    "PRPCK": "prepacked", "PRSLC": "presliced", "PWDR": "powder", "PWDRS": "powders", "REFRGRATD": "refrigerated",
    "REFRIG": "refrigerated", "RTD": "ready to drink", "RTS": "ready to serve", "RW": "by weight", "SAL": "salad",
    "SALD": "salad", "SAUS": "sausage", "SFT": "soft", "SGL": "single", "SHERBTS": "sherbets", "SNDWCH": "sandwich",
    "SNGL": "single", "SNKS": "snacks", "SPF": "SPF", "SPLY": "supplies", "SPRD": "spread", "SRV": "serve",
    "SS": "single serve", "STK": "stick", "SUP": "super", "SUPPPLIES": "supplies", "SUPRT": "support", "SV": "serve",
    "SW": "sweet", "SWEETNERS": "sweeteners", "SYRP": "syrup", "THAI": "Thai", "TISS": "tissue", "TRSH": "trash",
    "TV": "TV", "VALENTINE": "Valentine", "VEG": "vegetable", "W": "with", "WHL": "whole",
    "WHLSM": "wholesome", "WTR": "water", "XMAS": "Christmas",
}  # fmt: skip
_WORD = re.compile(r"[A-Z0-9][A-Z0-9'%.]*")
_SPECIES = re.compile(r"^(FLORAL|SEAFOOD|MEAT|PEPPERS)-\s*")


def readable_labels(codes: Iterable[str]) -> dict[str, str]:
    """Return the label of each code.

    The last word of a code of full length is left out unless a shorter code has it: it may have been cut off.

    >>> readable_labels(["CANDY BARS (SINGLES)(INCLUDING", "FRZN FRUITS"])
    {'CANDY BARS (SINGLES)(INCLUDING': 'Candy bars (singles)', 'FRZN FRUITS': 'Frozen fruits'}
    """
    known = sorted(set(codes))
    whole = {word for code in known if len(code) < LONGEST_CODE for word in _WORD.findall(code)} | set(_WORDS)
    return {code: _label(code, whole) for code in known}


def _label(code: str, whole_words: set[str]) -> str:
    if code in _WHOLE:
        return _WHOLE[code]
    text = " ".join(code.split())
    if text.count("(") > text.count(")"):
        text = text[: text.rindex("(")]  # what stands in the parenthesis was cut off
    elif len(code) == LONGEST_CODE:
        start, _, last = text.rpartition(" ")
        text = text if not start or set(_WORD.findall(last)) <= whole_words else start
    text = _SPECIES.sub(r"\1, ", text)
    text = text.replace("VAC PAC ", "VACUUM PACKED ")
    text = re.sub(r"\b(WOMEN|MEN|CHILDREN) S\b", r"\1'S", text)
    text = re.sub(r"\bW/", "WITH ", text)
    text = re.sub(r"\s*&\s*", " and ", text)
    text = re.sub(r"(?<=[A-Z])\(", " (", text)
    text = re.sub(r"(?<![0-9])\s*/\s*|\s*/\s*(?![0-9])|\s+-+\s*|-+\s+|:\s*", ", ", text)
    text = _WORD.sub(lambda found: _WORDS.get(found[0].rstrip("."), found[0].lower()), text)
    text = re.sub(r"\s+", " ", text).replace(" ,", ",").strip(" ,-")
    return text[:1].upper() + text[1:]
