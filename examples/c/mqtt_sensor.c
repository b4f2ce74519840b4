// A sensor: mqtt_sensor [BROKER]. Publishes a temperature each second, switches a LED when told to.
#include <mongoose.h>

static const char *broker = "mqtt://127.0.0.1:1883";
static struct mg_connection *connection;
static double temperature = 20.0;
static bool logged_in, led;

static void say(const char *topic, const char *text) {
  struct mg_mqtt_opts opts = {.topic = mg_str(topic), .message = mg_str(text)};
  mg_mqtt_pub(connection, &opts);
}

static void handler(struct mg_connection *c, int ev, void *ev_data) {
  if (ev == MG_EV_MQTT_OPEN && *(int *) ev_data == 0) {
    struct mg_mqtt_opts opts = {.topic = mg_str("sensor/led/set")};
    mg_mqtt_sub(c, &opts);
    logged_in = true;
  } else if (ev == MG_EV_MQTT_MSG) {
    struct mg_mqtt_message *mm = (struct mg_mqtt_message *) ev_data;
    led = mg_strcmp(mm->data, mg_str("on")) == 0;
    say("sensor/led", led ? "on" : "off");
  } else if (ev == MG_EV_ERROR) {
    fprintf(stderr, "%s: %s\n", broker, (char *) ev_data);
  } else if (ev == MG_EV_CLOSE) {
    connection = NULL, logged_in = false;  // the timer connects again
  }
}

static void each_second(void *mgr) {
  char text[16];
  if (connection == NULL) {
    struct mg_mqtt_opts opts = {.clean = true, .keepalive = 10};
    connection = mg_mqtt_connect((struct mg_mgr *) mgr, broker, &opts, handler, NULL);
  } else if (logged_in) {
    temperature += temperature < 25 ? 0.1 : -5.0;
    mg_snprintf(text, sizeof(text), "%.1f", temperature);
    say("sensor/temperature", text);  // also what keeps the session alive
  }
}

int main(int argc, char **argv) {
  struct mg_mgr mgr;
  if (argc > 1) broker = argv[1];
  mg_mgr_init(&mgr);
  mg_timer_add(&mgr, 1000, MG_TIMER_REPEAT | MG_TIMER_RUN_NOW, each_second, &mgr);
  for (;;) mg_mgr_poll(&mgr, 1000);
}
