"Put on PYTHONPATH by the tests: a Python process that finds this can reach no other machine."
import socket
_connect, _lookup = socket.socket.connect, socket.getaddrinfo
LOCAL = {"127.0.0.1", "::1", "localhost", "0.0.0.0", None, "", b"localhost"}
def _refuse(host): raise OSError(f"no network in tests (asked for {host})")
def connect(self, address):
    if self.family in (socket.AF_INET, socket.AF_INET6) and address[0] not in LOCAL: _refuse(address[0])
    return _connect(self, address)
def getaddrinfo(host, *a, **k): return _lookup(host, *a, **k) if host in LOCAL else _refuse(host)
socket.socket.connect, socket.getaddrinfo = connect, getaddrinfo
