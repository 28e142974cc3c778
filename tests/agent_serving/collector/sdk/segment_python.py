"""Sends events with a Segment or RudderStack SDK for Python: MODULE HOST KEY COUNT. Prints the SDK's errors."""

import importlib
import sys

module, host, key, count = sys.argv[1:]
sdk = importlib.import_module(module)
sdk.write_key = key
sdk.gzip = True
sdk.host = sdk.dataPlaneUrl = host
sdk.max_retries = 4
sdk.on_error = lambda error, items: print(f"{getattr(error, 'status', error)} {len(items)}", flush=True)
for number in range(int(count)):
    sdk.track("M000000001", "상품 조회 🧺", {"product_id": number, "note": "한글 ✓"}, anonymous_id="server-1")
sdk.identify("M000000001", {"email": "kim@shop.example"})
sdk.flush()
sdk.shutdown()
