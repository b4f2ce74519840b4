/*
 * Bytes and numbers.
 *
 * Arguments are evaluated once where a macro is a statement. The macros that are expressions
 * (loads, rounding, MG_IPADDR_PARTS, MG_SET_BITS) evaluate them more than once.
 */

/* 1 on big-endian machines. */
#define MG_BIG_ENDIAN (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__)

/* A pointer to bytes. */
#define MG_U8P(p) ((uint8_t *) (p))

/* A number from four bytes, `a` first: MG_U32(1, 2, 3, 4) is 0x01020304. */
#define MG_U32(a, b, c, d)                                              \
  (((uint32_t) ((a) & 255) << 24) | ((uint32_t) ((b) & 255) << 16) |    \
   ((uint32_t) ((c) & 255) << 8) | (uint32_t) ((d) & 255))

/* An IPv4 address for `addr.ip4`: four bytes in network order. Not a constant expression. */
#define MG_IPV4(a, b, c, d) mg_htonl(MG_U32(a, b, c, d))

/* An initialiser for 16 bytes from the eight groups of an IPv6 address. */
#define MG_IPV6(a, b, c, d, e, f, g, h)                                 \
  {                                                                     \
    (uint8_t) ((a) >> 8 & 255), (uint8_t) ((a) & 255),                  \
    (uint8_t) ((b) >> 8 & 255), (uint8_t) ((b) & 255),                  \
    (uint8_t) ((c) >> 8 & 255), (uint8_t) ((c) & 255),                  \
    (uint8_t) ((d) >> 8 & 255), (uint8_t) ((d) & 255),                  \
    (uint8_t) ((e) >> 8 & 255), (uint8_t) ((e) & 255),                  \
    (uint8_t) ((f) >> 8 & 255), (uint8_t) ((f) & 255),                  \
    (uint8_t) ((g) >> 8 & 255), (uint8_t) ((g) & 255),                  \
    (uint8_t) ((h) >> 8 & 255), (uint8_t) ((h) & 255)                   \
  }

/* Four arguments for "%d.%d.%d.%d". */
#define MG_IPADDR_PARTS(p) MG_U8P(p)[0], MG_U8P(p)[1], MG_U8P(p)[2], MG_U8P(p)[3]

/* Big-endian numbers at any address. */
#define MG_LOAD_BE16(p) ((uint16_t) (((uint16_t) MG_U8P(p)[0] << 8) | MG_U8P(p)[1]))
#define MG_LOAD_BE24(p)                                                 \
  (((uint32_t) MG_U8P(p)[0] << 16) | ((uint32_t) MG_U8P(p)[1] << 8) | (uint32_t) MG_U8P(p)[2])
#define MG_LOAD_BE32(p)                                                 \
  (((uint32_t) MG_U8P(p)[0] << 24) | ((uint32_t) MG_U8P(p)[1] << 16) |  \
   ((uint32_t) MG_U8P(p)[2] << 8) | (uint32_t) MG_U8P(p)[3])
#define MG_LOAD_BE64(p) (((uint64_t) MG_LOAD_BE32(p) << 32) | MG_LOAD_BE32(MG_U8P(p) + 4))

#define MG_STORE_BE16(p, n)                                             \
  do {                                                                  \
    uint8_t *mg_store_p_ = MG_U8P(p);                                   \
    uint16_t mg_store_n_ = (uint16_t) (n);                              \
    mg_store_p_[0] = (uint8_t) (mg_store_n_ >> 8);                      \
    mg_store_p_[1] = (uint8_t) (mg_store_n_ & 255);                     \
  } while (0)
#define MG_STORE_BE24(p, n)                                             \
  do {                                                                  \
    uint8_t *mg_store_p_ = MG_U8P(p);                                   \
    uint32_t mg_store_n_ = (uint32_t) (n);                              \
    mg_store_p_[0] = (uint8_t) (mg_store_n_ >> 16 & 255);               \
    mg_store_p_[1] = (uint8_t) (mg_store_n_ >> 8 & 255);                \
    mg_store_p_[2] = (uint8_t) (mg_store_n_ & 255);                     \
  } while (0)
#define MG_STORE_BE32(p, n)                                             \
  do {                                                                  \
    uint8_t *mg_store_p_ = MG_U8P(p);                                   \
    uint32_t mg_store_n_ = (uint32_t) (n);                              \
    mg_store_p_[0] = (uint8_t) (mg_store_n_ >> 24);                     \
    mg_store_p_[1] = (uint8_t) (mg_store_n_ >> 16 & 255);               \
    mg_store_p_[2] = (uint8_t) (mg_store_n_ >> 8 & 255);                \
    mg_store_p_[3] = (uint8_t) (mg_store_n_ & 255);                     \
  } while (0)
#define MG_STORE_BE64(p, n)                                             \
  do {                                                                  \
    uint8_t *mg_store64_p_ = MG_U8P(p);                                 \
    uint64_t mg_store64_n_ = (uint64_t) (n);                            \
    MG_STORE_BE32(mg_store64_p_, mg_store64_n_ >> 32);                  \
    MG_STORE_BE32(mg_store64_p_ + 4, mg_store64_n_ & 0xffffffffU);      \
  } while (0)

/* Between the order of this machine and that of the network. */
#define mg_htons(x) mg_ntohs(x)
#define mg_htonl(x) mg_ntohl(x)
#define mg_htonll(x) mg_ntohll(x)

/* Bit `n` of a 32-bit number. */
#define MG_BIT(n) ((uint32_t) 1 << (n))

/* The 32-bit register at an address. */
#define MG_REG(x) (((volatile uint32_t *) (x))[0])

/* Clears the bits of one mask in `R`, then sets those of the other. */
#define MG_SET_BITS(R, clear, set) ((R) = ((R) & ~(clear)) | (set))

/* To a multiple of `a`; `x` itself when `a` is 0. */
#define MG_ROUND_UP(x, a) ((a) == 0 ? (x) : ((((x) + (a) - 1) / (a)) * (a)))
#define MG_ROUND_DOWN(x, a) ((a) == 0 ? (x) : (((x) / (a)) * (a)))

/* DER rather than PEM. */
#define MG_IS_DER(p) (MG_U8P(p)[0] == 0x30)

/*
 * Lists: elements have a field `next`, `head` is the address of the pointer to the first one.
 */

#define LIST_ADD_HEAD(type, head, elem)                                 \
  do {                                                                  \
    type **mg_list_head_ = (head);                                      \
    type *mg_list_elem_ = (elem);                                       \
    mg_list_elem_->next = *mg_list_head_;                               \
    *mg_list_head_ = mg_list_elem_;                                     \
  } while (0)

/* `elem->next` must be NULL. */
#define LIST_ADD_TAIL(type, head, elem)                                 \
  do {                                                                  \
    type **mg_list_head_ = (head);                                      \
    while (*mg_list_head_ != NULL) mg_list_head_ = &(*mg_list_head_)->next; \
    *mg_list_head_ = (elem);                                            \
  } while (0)

/* Does nothing when `elem` is not in the list. */
#define LIST_DELETE(type, head, elem)                                   \
  do {                                                                  \
    type **mg_list_head_ = (head);                                      \
    const type *mg_list_elem_ = (elem);                                 \
    while (*mg_list_head_ != NULL && *mg_list_head_ != mg_list_elem_)   \
      mg_list_head_ = &(*mg_list_head_)->next;                          \
    if (*mg_list_head_ != NULL) *mg_list_head_ = (*mg_list_head_)->next; \
  } while (0)

/*
 * Text and logging.
 */

/* A view of a NUL-terminated string. */
#define mg_str(s) mg_str_s(s)

/* Arguments for "%m": the string as JSON, in quotes. */
#define MG_ESC(str) mg_print_esc, 0, (str)

#if (defined(__cplusplus) && __cplusplus >= 201103L) || \
    (defined(__STDC_VERSION__) && __STDC_VERSION__ >= 199901L)
#define MG___FUNC__ __func__
#else
#define MG___FUNC__ ""
#endif

/* MG_LOG(MG_LL_INFO, ("%d bytes", n)): mind the double parentheses. */
#if MG_ENABLE_LOG
#define MG_LOG(level, args)                                             \
  do {                                                                  \
    if ((level) <= mg_log_level) {                                      \
      mg_log_prefix((level), __FILE__, __LINE__, MG___FUNC__);          \
      mg_log args;                                                      \
    }                                                                   \
  } while (0)
#else
#define MG_LOG(level, args)                                             \
  do {                                                                  \
    (void) (level);                                                     \
    if (0) mg_log args;                                                 \
  } while (0)
#endif

#define MG_ERROR(args) MG_LOG(MG_LL_ERROR, args)
#define MG_INFO(args) MG_LOG(MG_LL_INFO, args)
#define MG_DEBUG(args) MG_LOG(MG_LL_DEBUG, args)
#define MG_VERBOSE(args) MG_LOG(MG_LL_VERBOSE, args)

/* Sets the level: what is more detailed is not logged. */
#define mg_log_set(level) (mg_log_level = (level))

/*
 * Connections.
 */

/* The library registers descriptors itself. */
#define MG_EPOLL_ADD(c)                                                 \
  do {                                                                  \
    (void) (c);                                                         \
  } while (0)
#define MG_EPOLL_MOD(c, wr)                                             \
  do {                                                                  \
    (void) (c), (void) (wr);                                            \
  } while (0)

/*
 * A profile of a connection: MG_PROF_ADD notes a name and the milliseconds since the first note,
 * MG_PROF_DUMP logs the notes, MG_PROF_FREE forgets them.
 */
#if MG_ENABLE_PROFILE
struct mg_profitem {
  const char *name;
  uint32_t timestamp;
};
#define MG_PROF_INIT(c)                                                 \
  do {                                                                  \
    struct mg_profitem mg_prof_item_;                                   \
    mg_prof_item_.name = "init";                                        \
    mg_prof_item_.timestamp = (uint32_t) mg_millis();                   \
    (c)->prof.len = 0;                                                  \
    mg_iobuf_add(&(c)->prof, 0, &mg_prof_item_, sizeof(mg_prof_item_)); \
  } while (0)
#define MG_PROF_ADD(c, name_)                                           \
  do {                                                                  \
    struct mg_iobuf *mg_prof_io_ = &(c)->prof;                          \
    struct mg_profitem mg_prof_new_;                                    \
    if (mg_prof_io_->len == 0) MG_PROF_INIT(c);                         \
    if (mg_prof_io_->len == 0) break; /* out of memory */               \
    mg_prof_new_.name = (name_);                                        \
    mg_prof_new_.timestamp = (uint32_t) mg_millis() -                   \
                             ((struct mg_profitem *) (void *) mg_prof_io_->buf)->timestamp; \
    mg_iobuf_add(mg_prof_io_, mg_prof_io_->len, &mg_prof_new_, sizeof(mg_prof_new_)); \
  } while (0)
#define MG_PROF_DUMP(c)                                                 \
  do {                                                                  \
    const struct mg_profitem *mg_prof_at_ = (struct mg_profitem *) (void *) (c)->prof.buf; \
    size_t mg_prof_left_ = (c)->prof.len / sizeof(*mg_prof_at_);        \
    for (; mg_prof_left_ > 1; mg_prof_left_--) {                        \
      mg_prof_at_++;                                                    \
      MG_INFO(("%lu %u ms: %s", (c)->id, (unsigned) mg_prof_at_->timestamp, mg_prof_at_->name)); \
    }                                                                   \
  } while (0)
#define MG_PROF_FREE(c) mg_iobuf_free(&(c)->prof)
#else
#define MG_PROF_INIT(c)
#define MG_PROF_ADD(c, name)
#define MG_PROF_DUMP(c)
#define MG_PROF_FREE(c)
#endif

/* Inserts a field set before those that a dashboard has. */
#define MG_DASH_ADD_FIELD_SET(dash, set) LIST_ADD_HEAD(struct mg_field_set, &(dash)->sets, set)

/* Inserts a handler for URIs at the start. The entry belongs to this place in the program. */
#define MG_DASH_REGISTER_CUSTOM_HANDLER(dash, uri, fn, data)            \
  do {                                                                  \
    static struct mg_dash_custom_handler mg_dash_handler_;              \
    struct mg_dash_custom_handler **mg_dash_list_ = &(dash)->custom_handlers; \
    LIST_DELETE(struct mg_dash_custom_handler, mg_dash_list_, &mg_dash_handler_); \
    mg_dash_handler_.uri_pattern = mg_str(uri);                         \
    mg_dash_handler_.handler = (fn);                                    \
    mg_dash_handler_.handler_data = (data);                             \
    LIST_ADD_HEAD(struct mg_dash_custom_handler, mg_dash_list_, &mg_dash_handler_); \
  } while (0)

/* ---- Types ---- */

/* C89 has no bool, and clang says so under -Wpedantic. */
#if defined(__clang__) && !defined(__cplusplus) && !defined(__STDC_VERSION__)
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wc99-extensions"
#endif

typedef struct mg_md5_ctx mg_md5_ctx;
typedef struct mg_sha1_ctx mg_sha1_ctx;
typedef struct mg_sha256_ctx mg_sha256_ctx;
typedef struct mg_sha384_ctx mg_sha384_ctx;
typedef struct aes_context aes_context;
typedef struct MG_UECC_HashContext MG_UECC_HashContext;

struct mg_tcpip_if;
struct MG_UECC_Curve_t;
