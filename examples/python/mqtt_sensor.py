"""A sensor: mqtt_sensor.py [BROKER]. Publishes a temperature each second, switches a LED when told to."""

import sys

from pymongoose import MG_EV_CLOSE, MG_EV_ERROR, MG_EV_MQTT_MSG, MG_EV_MQTT_OPEN, Manager

BROKER = sys.argv[1] if len(sys.argv) > 1 else "mqtt://127.0.0.1:1883"


class Sensor:
    def __init__(self):
        self.connection = None
        self.logged_in = False
        self.temperature = 20.0

    def handler(self, conn, ev, data):
        if ev == MG_EV_MQTT_OPEN and data == 0:
            self.logged_in = True
            conn.mqtt_sub("sensor/led/set")
        elif ev == MG_EV_MQTT_MSG:
            conn.mqtt_pub("sensor/led", "on" if data.text == "on" else "off")
        elif ev == MG_EV_ERROR:
            print(f"{BROKER}: {data}", file=sys.stderr)
        elif ev == MG_EV_CLOSE:
            self.connection, self.logged_in = None, False  # the timer connects again

    def each_second(self):
        if self.connection is None:
            self.connection = manager.mqtt_connect(BROKER, self.handler, keepalive=10)
        elif self.logged_in:
            self.temperature += 0.1 if self.temperature < 25 else -5.0
            # Also what keeps the session alive.
            self.connection.mqtt_pub("sensor/temperature", f"{self.temperature:.1f}")


with Manager() as manager:
    manager.timer_add(1000, Sensor().each_second, repeat=True, run_now=True)
    manager.run()
