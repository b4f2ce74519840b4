"""The same reply from Flask's threaded server: hello_flask.py PORT."""

import logging
import sys

from flask import Flask, Response, jsonify

app = Flask(__name__)
logging.getLogger("werkzeug").disabled = True


@app.get("/")
def hello() -> Response:
    return jsonify(message="Hello, World!")


app.run(host="127.0.0.1", port=int(sys.argv[1]), threaded=True)
