"""Common words by language, as data: what an answer may say although no result has it. No names are among them."""
