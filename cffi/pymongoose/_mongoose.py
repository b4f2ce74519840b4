"""The implementation under the name that programs import from: classes, functions, constants."""

from __future__ import annotations

from ._core import gate, lib
from .connection import Connection
from .constants import *  # noqa: F403 (all names of that module are public)
from .constants import event_name
from .interest import is_traced
from .manager import Manager
from .tls import TlsOpts
from .views import BodyView, MqttMessage

HttpMessage = gate.HttpMessage
WsMessage = gate.WsMessage
Timer = gate.Timer

gate.register(Connection, MqttMessage, BodyView, is_traced)
if hasattr(lib, "mg_log_level"):  # DEV
    lib.mg_log_level = lib.MG_LL_NONE
