"""One router a capability. A route reads the request, calls one service and writes its answer."""
