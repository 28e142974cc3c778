"""Runs LanceDB in an environment of its own: reads a file of documents, then answers one query a line as JSON.

Arguments: folder, branch, limit. The first line names the file of documents. Imports nothing of Bojagi.
"""

import json
import sys

import lancedb  # type: ignore[import-not-found]


def main() -> None:
    """Index, then answer until the input ends."""
    folder, branch, limit = sys.argv[1], sys.argv[2], int(sys.argv[3])
    lines = iter(sys.stdin.readline, "")
    with open(next(lines).strip(), encoding="utf-8") as file:
        table = lancedb.connect(folder).create_table("found", [json.loads(line) for line in file])
    table.create_fts_index(
        "text", use_tantivy=False, base_tokenizer="ngram", ngram_min_length=2, ngram_max_length=3, stem=False,
        remove_stop_words=False, ascii_folding=False,
    )  # fmt: skip
    print("[]", flush=True)
    for line in lines:
        hits = table.search(line.strip(), query_type="fts").where(f"branch IN ('{branch}', '*')", prefilter=True)
        print(json.dumps([row["title"] for row in hits.limit(limit).to_list()]), flush=True)


if __name__ == "__main__":
    main()
