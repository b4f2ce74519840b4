
/* ---- What the program defines, if it needs it ---- */

/* Files packed into the program: `mg_mem_files = mg_packed_files;` makes them visible. */
extern const struct mg_mem_file mg_packed_files[];

/* Packed files in the form of releases before 7.22. */
const char *mg_unpack(const char *name, size_t *size, time_t *mtime);
const char *mg_unlist(size_t no);

/* Parts of generated projects. */
extern struct mg_mgr g_mgr;
void mg_dash_init(struct mg_mgr *mgr);
void mg_dash_poll(struct mg_mgr *mgr);
void mg_mqtt_init(struct mg_mgr *mgr);
void mg_mqtt_poll(struct mg_mgr *mgr);

/* ---- What the program was compiled with ---- */

/*
 * What belongs to a manager counts for the managers that this source file initialises: mg_mgr_init is
 * a function of its own here. Managers that other files initialise, and what belongs to the whole
 * process (JSON depth, log, files of the machine, firmware updates), go by mg_options, of which a
 * program has one: the first that the linker finds. A library that is loaded into another program has
 * a say about its own managers only.
 */
extern const struct mg_option mg_options[] __attribute__((weak, visibility("default")));
#if MG_OPTIONS_SET_
#define MG_OPTION_TABLE_                                                       \
  {                                                                            \
    {MG_SET_READ_SIZE, (int64_t) (MG_IO_SIZE), NULL},                          \
    {MG_SET_RECV_LIMIT, (int64_t) (MG_MAX_RECV_SIZE), NULL},                   \
    {MG_SET_BACKLOG, (int64_t) (MG_SOCK_LISTEN_BACKLOG_SIZE), NULL},           \
    {MG_SET_HTTP_INDEX, 0, MG_HTTP_INDEX},                                     \
    {MG_SET_HTTP_DIRLIST, (MG_ENABLE_DIRLIST) ? 1 : 0, NULL},                  \
    {MG_SET_HTTP_SSI, (MG_OPTION_SSI_) ? 1 : 0, NULL},                         \
    {MG_SET_HTTP_SSI_DEPTH, (MG_OPTION_SSI_DEPTH_) < 64 ? (int64_t) (MG_OPTION_SSI_DEPTH_) : 64, NULL}, \
    {MG_SET_HTTP_LOCAL_TIMES, MG_OPTION_LOCAL_TIMES_, NULL},                   \
    {MG_SET_IPV6_ONLY, (MG_IPV6_V6ONLY) ? 1 : 0, NULL},                        \
    {MG_SET_PATH_MAX, (MG_PATH_MAX) < 4096 ? (int64_t) (MG_PATH_MAX) : 4096, NULL}, \
    {MG_SET_JSON_DEPTH, (MG_JSON_MAX_DEPTH) < 128 ? (int64_t) (MG_JSON_MAX_DEPTH) : 128, NULL}, \
    {MG_SET_LOG, (MG_ENABLE_LOG) ? 1 : 0, NULL},                               \
    {MG_SET_POSIX_FS, (MG_ENABLE_POSIX_FS) ? 1 : 0, NULL},                     \
    {MG_SET_OTA_VERSION, 0, MG_OTA_FIRMWARE_VERSION},                          \
    {MG_SET_OTA_CA, 0, MG_OTA_TLS_CA},                                         \
    {0, 0, NULL}                                                               \
  }
const struct mg_option mg_options[] = MG_OPTION_TABLE_;

static __attribute__((unused)) void mg_mgr_init_here_(struct mg_mgr *mgr) {
  static const struct mg_option options[] = MG_OPTION_TABLE_;
  mg_mgr_init_with(mgr, options);
}
#define mg_mgr_init mg_mgr_init_here_
#endif

/*
 * The layout of structs belongs to the process, and the library has to know it before it makes one.
 * Files with the default layout leave a mark, so that a program that mixes layouts is told.
 */
extern const char mg_default_layout_ __attribute__((weak));
#if MG_DATA_SIZE != @MG_DATA_SIZE@ || MG_MAX_HTTP_HEADERS != @MG_MAX_HTTP_HEADERS@ || \
    MG_DASH_MAX_USER_NAME != @MG_DASH_MAX_USER_NAME@
static __attribute__((constructor(101))) void mg_set_layout_here_(void) {
  mg_set_layout(MG_DATA_SIZE, MG_MAX_HTTP_HEADERS, MG_DASH_MAX_USER_NAME);
  if (&mg_default_layout_ != NULL) mg_set_layout(@MG_DATA_SIZE@, @MG_MAX_HTTP_HEADERS@, @MG_DASH_MAX_USER_NAME@);
}
#else
const char mg_default_layout_ = 1;
#endif

/* ---- Names of older releases ---- */

/*
 * For programs that were written for releases before 7.22: compile them with -DMG_COMPAT. Addresses
 * then also have `a.ip`, `a.ip4` and `a.ip6`. What has another meaning today is not here: event handlers
 * with four arguments, `ptr` of a string (`buf`), `label` of a connection (`data`).
 */
#ifdef MG_COMPAT
#define MG_NULL_STR {NULL, 0}
#define MG_C_STR(text) {(char *) (text), sizeof(text) - 1}
#define MG_IO_RESET (-3)
#define MG_OTA_FRDM MG_OTA_RW612
#define MG_COMPAT_ static __attribute__((unused))

/* Now mg_strcmp() and mg_strcasecmp(). */
MG_COMPAT_ int mg_vcmp(const struct mg_str *s1, const char *s2) { return mg_strcmp(*s1, mg_str(s2)); }
MG_COMPAT_ int mg_vcasecmp(const struct mg_str *s1, const char *s2) { return mg_strcasecmp(*s1, mg_str(s2)); }

/* Now mg_match(). */
MG_COMPAT_ bool mg_globmatch(const char *pattern, size_t pattern_len, const char *text, size_t len) {
  return mg_match(mg_str_n(text, len), mg_str_n(pattern, pattern_len), NULL);
}

/* Now mg_snprintf() with %M and mg_print_ip, mg_print_ip_port, mg_print_hex. */
MG_COMPAT_ char *mg_ntoa(const struct mg_addr *addr, char *buf, size_t len) {
  mg_snprintf(buf, len, "%M", mg_print_ip, addr);
  return buf;
}
MG_COMPAT_ char *mg_straddr(const struct mg_addr *addr, char *buf, size_t len) {
  mg_snprintf(buf, len, "%M", mg_print_ip_port, addr);
  return buf;
}
MG_COMPAT_ char *mg_hex(const void *bytes, size_t len, char *to) {
  mg_snprintf(to, 2 * len + 1, "%M", mg_print_hex, (int) len, bytes);
  return to;
}
MG_COMPAT_ void mg_unhex(const char *text, size_t len, unsigned char *to) {
  size_t i;
  for (i = 0; i + 1 < len; i += 2) mg_str_to_num(mg_str_n(&text[i], 2), 16, &to[i / 2], 1);
}

/* Nothing is left to delete: a chunked message is delivered whole. */
MG_COMPAT_ void mg_http_delete_chunk(struct mg_connection *c, struct mg_http_message *hm) { (void) c, (void) hm; }
#undef MG_COMPAT_
#endif

#if defined(__clang__) && !defined(__cplusplus) && !defined(__STDC_VERSION__)
#pragma clang diagnostic pop
#endif

#pragma GCC visibility pop

#ifdef __cplusplus
}
#endif

#endif /* MONGOOSE_H */
