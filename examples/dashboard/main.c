// A greenhouse with a dashboard: main [URL [DIRECTORY]]. Users: admin, operator and viewer, with their
// names as passwords. DIRECTORY has the files that users upload. See docs/tutorials/dashboard.md.
#include "device.h"

static bool lamp, heating;
static int brightness = 60;                          // percent
static double temperature = 20.0, setpoint = 22.0;   // degrees Celsius
static char name[20] = "Greenhouse";
static const char *directory = "files";
static struct mg_mgr mgr;

static struct mg_field state_fields[] = {
    {"name", MG_VAL_STR, name, sizeof(name)},
    {"lamp", MG_VAL_BOOL, &lamp, sizeof(lamp)},
    {"brightness", MG_VAL_INT, &brightness, sizeof(brightness)},
    {"setpoint", MG_VAL_DBL, &setpoint, sizeof(setpoint)},
    {"temperature", MG_VAL_DBL, &temperature, 0},  // 0: users may not write it
    {"heating", MG_VAL_BOOL, &heating, 0},
    {NULL, MG_VAL_INT, NULL, 0},
};

// Called before users write, and again when they have: here a real device would switch its lamp.
static bool state(enum mg_dash_op op, struct mg_dash_user *user) {
  brightness = brightness < 0 ? 0 : brightness > 100 ? 100 : brightness;
  setpoint = setpoint < 15 ? 15 : setpoint > 30 ? 30 : setpoint;
  return op == MG_DASH_READ || (op == MG_DASH_WRITE && user->level >= OPERATOR);
}

static struct mg_field_set state_set = {"state", state_fields, state, NULL, NULL, NULL};

// Who is asking: the page shows what this user may change.
static struct mg_dash_user asking;
static struct mg_field user_fields[] = {
    {"name", MG_VAL_STR, asking.name, 0},
    {"level", MG_VAL_INT, &asking.level, 0},
    {NULL, MG_VAL_INT, NULL, 0},
};

static bool who(enum mg_dash_op op, struct mg_dash_user *user) {
  asking = *user;
  return op == MG_DASH_READ;
}

static struct mg_field_set user_set = {"user", user_fields, who, NULL, NULL, NULL};

// Arrays: the variables are one element, the one at the index.
static struct sample {
  double temperature, setpoint;
} history[120], sample;
static struct event {
  uint64_t time;
  char text[60];
} events[20], event;
static int history_len, history_index, events_len, event_index, file_index;

static struct mg_field history_fields[] = {
    {"temperature", MG_VAL_DBL, &sample.temperature, 0},
    {"setpoint", MG_VAL_DBL, &sample.setpoint, 0},
    {NULL, MG_VAL_INT, NULL, 0},
};
static struct mg_field event_fields[] = {
    {"time", MG_VAL_UINT64, &event.time, 0},
    {"text", MG_VAL_STR, event.text, 0},
    {NULL, MG_VAL_INT, NULL, 0},
};

// -1 asks for the number of elements, and says that there is no such one.
static bool at(int *index, int len) {
  bool exists = *index >= 0 && *index < len;
  if (!exists) *index = *index < 0 ? len : -1;
  return exists;
}

static bool read_history(enum mg_dash_op op, struct mg_dash_user *user) {
  (void) user;
  if (op == MG_DASH_READ && at(&history_index, history_len)) sample = history[history_index];
  return op == MG_DASH_READ;
}

static bool read_events(enum mg_dash_op op, struct mg_dash_user *user) {
  if (op == MG_DASH_READ && at(&event_index, events_len)) event = events[event_index];
  if (op == MG_DASH_DELETE && user->level >= ADMIN) events_len = 0;
  return op == MG_DASH_READ || (op == MG_DASH_DELETE && user->level >= ADMIN);
}

static struct mg_field_set history_set = {"history", history_fields, read_history, &history_index, NULL, NULL};
static struct mg_field_set events_set = {"events", event_fields, read_events, &event_index, NULL, NULL};

void log_event(const char *fmt, ...) {
  int last = (int) (sizeof(events) / sizeof(events[0])) - 1;
  va_list ap;
  memmove(&events[1], events, sizeof(events) - sizeof(events[0]));  // the newest is the first
  if (events_len <= last) events_len++;
  events[0].time = mg_now();
  va_start(ap, fmt);
  mg_vsnprintf(events[0].text, sizeof(events[0].text), fmt, &ap);
  va_end(ap);
  event_index = -1;
  mg_dash_send_change(&mgr, &events_set);
}

// Files: the library lists, stores and deletes them, if this function allows it.
static char file_name[64];
static uint64_t file_size;
static struct mg_field file_fields[] = {
    {"name", MG_VAL_STR, file_name, sizeof(file_name)},
    {"size", MG_VAL_UINT64, &file_size, 0},
    {NULL, MG_VAL_INT, NULL, 0},
};
static bool files(enum mg_dash_op op, struct mg_dash_user *user);

static bool directory_of(const struct mg_dash_user *user, char *buf, size_t len) {
  mg_snprintf(buf, len, "%s", directory);
  return user->level >= VIEWER;
}

static struct mg_field_set files_set = {"files", file_fields, files, &file_index, directory_of, NULL};

static bool files(enum mg_dash_op op, struct mg_dash_user *user) {
  if (op == MG_DASH_READ) return mg_dash_dir_read(&files_set, user);
  return user->level >= OPERATOR;
}

static int authenticate(char *user, size_t userlen, const char *pass) {
  (void) userlen;
  if (strcmp(user, pass) != 0) return 0;  // A device compares hashes of passwords, in constant time.
  return strcmp(user, "admin") == 0      ? ADMIN
         : strcmp(user, "operator") == 0 ? OPERATOR
         : strcmp(user, "viewer") == 0   ? VIEWER
                                         : 0;
}

static struct mg_dash dash;

// A timer's: the greenhouse gets warmer or colder.
static void measure(void *unused) {
  size_t n = sizeof(history) / sizeof(history[0]);
  (void) unused;
  heating = temperature < setpoint;
  temperature += heating ? 0.1 : -0.1;
  if (history_len == (int) n) memmove(history, &history[1], sizeof(history) - sizeof(history[0]));
  if (history_len < (int) n) history_len++;
  history[history_len - 1].temperature = temperature;
  history[history_len - 1].setpoint = setpoint;
  mg_dash_send_change(&mgr, &state_set);
  mg_dash_send_change(&mgr, &firmware_set);
}

int main(int argc, char **argv) {
  struct mg_connection *listener;
  if (argc > 2) directory = argv[2];
  mg_mgr_init(&mgr);
  mg_fs_posix.mkd(directory);
  mg_mem_files = mg_packed_files;  // packed.c: dashboard.html
  dash.authenticate = authenticate;
  MG_DASH_ADD_FIELD_SET(&dash, &files_set);
  MG_DASH_ADD_FIELD_SET(&dash, &firmware_set);
  MG_DASH_ADD_FIELD_SET(&dash, &events_set);
  MG_DASH_ADD_FIELD_SET(&dash, &history_set);
  MG_DASH_ADD_FIELD_SET(&dash, &user_set);
  MG_DASH_ADD_FIELD_SET(&dash, &state_set);
  mg_timer_add(&mgr, 1000, MG_TIMER_REPEAT | MG_TIMER_RUN_NOW, measure, NULL);
  listener = mg_http_listen(&mgr, argc > 1 ? argv[1] : "http://127.0.0.1:8000", mg_dash_ev_handler, &dash);
  if (listener == NULL) return 1;
  log_event("Started");
  printf("http://127.0.0.1:%d\n", (int) mg_ntohs(listener->loc.port));
  fflush(stdout);
  for (;;) mg_mgr_poll(&mgr, 1000);
}
