// A device with a dashboard: a LED that users switch, a temperature that they see change, a list of
// events. See docs/reference/dashboard.md.
//
//   cc main.c -lmongoose -o device && ./device
//
// http://127.0.0.1:8000 then shows the page of page.h. Users: admin (password admin), guest (guest).
#include <mongoose.h>

#include "page.h"

// Variables, as any program has them.
static bool led;
static double temperature = 20.0;
static char name[20] = "Greenhouse";

static struct mg_field device_fields[] = {
    {"led", MG_VAL_BOOL, &led, sizeof(led)},
    {"temperature", MG_VAL_DBL, &temperature, 0},  // 0: users may not write it
    {"name", MG_VAL_STR, name, sizeof(name)},
    {NULL, MG_VAL_INT, NULL, 0},
};

static bool device(enum mg_dash_op op, struct mg_dash_user *user) {
  if (op == MG_DASH_READ) return true;
  if (op == MG_DASH_WRITE) return user->level >= 7;  // here a real device would switch its LED
  return false;
}

static struct mg_field_set device_set = {"device", device_fields, device, NULL, NULL, NULL};

// An array: the variables are one element, the one at the index.
static struct event {
  uint64_t time;
  char text[40];
} events[10], event;
static int events_len, event_index;

static struct mg_field event_fields[] = {
    {"time", MG_VAL_UINT64, &event.time, 0},
    {"text", MG_VAL_STR, event.text, sizeof(event.text)},
    {NULL, MG_VAL_INT, NULL, 0},
};

static bool event_log(enum mg_dash_op op, struct mg_dash_user *user) {
  bool exists = event_index >= 0 && event_index < events_len;
  switch (op) {
    case MG_DASH_READ:
      if (exists) {
        event = events[event_index];
      } else {
        event_index = event_index < 0 ? events_len : -1;  // -1 asks for the size; or: there is none
      }
      return true;
    case MG_DASH_ADD:
      if (events_len == (int) (sizeof(events) / sizeof(events[0]))) return false;
      event.time = mg_now();
      events[events_len++] = event;
      return true;
    case MG_DASH_DELETE:
      if (!exists || user->level < 7) return false;
      events_len--;
      memmove(&events[event_index], &events[event_index + 1],
              (size_t) (events_len - event_index) * sizeof(event));
      return true;
    default:
      return false;
  }
}

static struct mg_field_set events_set = {"events", event_fields, event_log, &event_index, NULL, NULL};

static int authenticate(char *user, size_t userlen, const char *pass) {
  (void) userlen;
  if (strcmp(user, "admin") == 0 && strcmp(pass, "admin") == 0) return 7;
  if (strcmp(user, "guest") == 0 && strcmp(pass, "guest") == 0) return 3;
  return 0;
}

static const struct mg_mem_file packed[] = {
    {"/dashboard.html", (const unsigned char *) page, sizeof(page) - 1, 1700000000},
    {NULL, NULL, 0, 0},
};

static struct mg_dash dash;

// A timer's: the temperature has changed.
static void measure(void *mgr) {
  temperature += temperature < 25 ? 0.1 : -5.0;
  mg_dash_send_change((struct mg_mgr *) mgr, &device_set);
}

int main(int argc, char **argv) {
  struct mg_mgr mgr;
  struct mg_connection *listener;
  mg_mgr_init(&mgr);
  mg_mem_files = packed;
  dash.authenticate = authenticate;
  MG_DASH_ADD_FIELD_SET(&dash, &events_set);
  MG_DASH_ADD_FIELD_SET(&dash, &device_set);
  mg_timer_add(&mgr, 1000, MG_TIMER_REPEAT, measure, &mgr);
  listener = mg_http_listen(&mgr, argc > 1 ? argv[1] : "http://127.0.0.1:8000", mg_dash_ev_handler, &dash);
  if (listener == NULL) return 1;
  printf("http://127.0.0.1:%d\n", (int) mg_ntohs(listener->loc.port));
  fflush(stdout);
  for (;;) mg_mgr_poll(&mgr, 1000);
}
