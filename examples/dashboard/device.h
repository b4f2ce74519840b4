// What the parts of the device share.
#pragma once
#include <mongoose.h>

enum { VIEWER = 3, OPERATOR = 5, ADMIN = 7 };  // levels of users

extern struct mg_field_set firmware_set;
void log_event(const char *fmt, ...);  // adds a line to the list of events
