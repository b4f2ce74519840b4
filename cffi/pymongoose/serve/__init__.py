"""The server command: `pymongoose serve`, or `python -m pymongoose serve` (docs/reference/python/serve.md).

A master process binds the sockets and supervises workers, which run the application. The modules:
options (names, types, help), config (files and environment), sockets, supervisor (the master), worker
(what all workers do), alone (a worker without a master, for `python -m pymongoose.asgi` and `.wsgi`),
run_asgi, run_wsgi and run_files (one server each), wrappers (what is put around an application), board
(memory that the processes share), metrics, access_log, notify, reload.
"""
