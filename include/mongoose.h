/*
 * mongoose.h: HTTP, WebSocket, MQTT, DNS, Modbus and more, event-driven, with the C interface of
 * Mongoose 7.22.
 *
 * SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * Generated when the library is built, and good for a library built with the same options. Edit
 * src/abi and src/capi instead.
 *
 *
 * Pointers and ownership
 *
 * - What a program passes is borrowed for the call. Where a function keeps a pointer, it says so.
 * - A `struct mg_str` is a view. It owns nothing, and nothing is NUL-terminated unless it says so.
 *   Views that a function returns point into its argument.
 * - `ev_data` of an event, and all that it points at, is invalid when the handler returns. Copy what
 *   is needed for longer.
 * - Memory that a function hands over comes from mg_calloc() and goes to mg_free(). The function
 *   says so.
 * - A connection belongs to its manager. Programs never release one: they set `is_draining` or
 *   `is_closing`. After MG_EV_CLOSE the pointer must not be used.
 * - A program may write to every field of a struct that is not described as private.
 *
 *
 * Threads
 *
 * - A manager, its connections and its timers belong to one thread, the one that polls. Functions
 *   that say nothing else are for that thread. Handlers run in it, inside mg_mgr_poll() or the
 *   function that caused the event. Several managers may run in several threads.
 * - mg_wakeup() may be called from any thread. It is the way to send work to a manager.
 * - Functions that say "Threads: Any" may be called from any thread, with arguments that no other
 *   thread uses at that time.
 * - Variables of the library (mg_log_level and others) are set before other threads start.
 */
#ifndef MONGOOSE_H
#define MONGOOSE_H

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Version and platform. This library is for Unix with the sockets of the operating system.
 */

/* The release of Mongoose whose interface this is. */
#define MG_VERSION "7.22"

#define MG_ARCH_CUSTOM 0
#define MG_ARCH_UNIX 1
#define MG_ARCH_WIN32 2
#define MG_ARCH_ESP32 3
#define MG_ARCH_ESP8266 4
#define MG_ARCH_FREERTOS 5
#define MG_ARCH_THREADX 6
#define MG_ARCH_ZEPHYR 7
#define MG_ARCH_ARMGCC 8
#define MG_ARCH_NEWLIB MG_ARCH_ARMGCC
#define MG_ARCH_CMSIS_RTOS1 9
#define MG_ARCH_TIRTOS 10
#define MG_ARCH_PICOSDK 11
#define MG_ARCH_ARMCC 12
#define MG_ARCH_CMSIS_RTOS2 13
#define MG_ARCH_RTTHREAD 14
#define MG_ARCH_ARMCGT 15
#define MG_ARCH_CUBE 16
#define MG_ARCH_MCUXPRESSO 17

#ifndef MG_ARCH
#define MG_ARCH MG_ARCH_UNIX
#endif

#if MG_ARCH == MG_ARCH_CUSTOM
#include "mongoose_config.h"
#elif MG_ARCH != MG_ARCH_UNIX
#error "this MG_ARCH is not supported by this library: use MG_ARCH_UNIX, or MG_ARCH_CUSTOM"
#endif

#ifndef MG_ENABLE_EPOLL
#ifdef __linux__
#define MG_ENABLE_EPOLL 1
#else
#define MG_ENABLE_EPOLL 0
#endif
#endif

#ifndef MG_ENABLE_POLL
#define MG_ENABLE_POLL 0
#endif

#ifndef MG_ENABLE_ASSERT
#define MG_ENABLE_ASSERT 0
#endif

#ifndef _DARWIN_UNLIMITED_SELECT
#define _DARWIN_UNLIMITED_SELECT 1
#endif

#include <arpa/inet.h>
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

#if MG_ENABLE_EPOLL
#include <sys/epoll.h>
#elif MG_ENABLE_POLL
#include <poll.h>
#else
#include <sys/select.h>
#endif

#if MG_ENABLE_ASSERT
#include <assert.h>
#elif !defined(assert)
#define assert(x)
#endif

/*
 * A program that is compiled with -fvisibility=hidden and defines mg_calloc, mg_millis, mg_log or
 * another function that the library lets it replace must be heard by the shared library.
 */
#pragma GCC visibility push(default)

/*
 * Options that change the layout of structs. A program may define them, with the same values in all
 * its files: one library serves every layout.
 */

#ifndef MG_DATA_SIZE
#define MG_DATA_SIZE 32 /* bytes of c->data */
#endif
#ifndef MG_MAX_HTTP_HEADERS
#define MG_MAX_HTTP_HEADERS 30 /* slots in hm->headers */
#endif
#ifndef MG_DASH_MAX_USER_NAME
#define MG_DASH_MAX_USER_NAME 32 /* bytes of a dashboard user's name */
#endif

#if MG_DATA_SIZE > 1048576 || MG_MAX_HTTP_HEADERS > 1048576 || MG_DASH_MAX_USER_NAME > 1048576
#error "MG_DATA_SIZE, MG_MAX_HTTP_HEADERS and MG_DASH_MAX_USER_NAME may be at most 1048576"
#endif

/* MG_COMPAT brings names of older releases back; see the end of this file. */
#if defined(MG_COMPAT) && !defined(MG_ENABLE_ADDR_ALIASES)
#define MG_ENABLE_ADDR_ALIASES
#endif

#ifndef MG_SOCKET_TYPE
#define MG_SOCKET_TYPE int
#endif
#define MG_SOCKET_TYPE_IS_int 1
#define MG_SOCKET_TYPE_IS_(type) MG_SOCKET_TYPE_IS_##type
#define MG_SOCKET_TYPE_IS(type) MG_SOCKET_TYPE_IS_(type)
#if MG_SOCKET_TYPE_IS(MG_SOCKET_TYPE) != 1
#error "MG_SOCKET_TYPE other than int is not supported by this library"
#endif

/*
 * Options that say how the library behaves. A program that defines one of them gets what it asks for:
 * the header hands the value over at run time (see the end of this file). docs/reference/macros.md has a row for
 * each macro.
 */

#if defined(MG_IO_SIZE) || defined(MG_MAX_RECV_SIZE) || defined(MG_SOCK_LISTEN_BACKLOG_SIZE) ||   \
    defined(MG_HTTP_INDEX) || defined(MG_JSON_MAX_DEPTH) || defined(MG_PATH_MAX) ||               \
    defined(MG_ENABLE_DIRLIST) || defined(MG_ENABLE_SSI) || defined(MG_MAX_SSI_DEPTH) ||          \
    defined(MG_IPV6_V6ONLY) || defined(MG_ENABLE_POSIX_FS) || defined(MG_ENABLE_LOG) ||           \
    defined(MG_HTTP_DIRLIST_TIME_FMT) || defined(MG_OTA_FIRMWARE_VERSION) || defined(MG_OTA_TLS_CA)
#define MG_OPTIONS_SET_ 1
#else
#define MG_OPTIONS_SET_ 0
#endif
#ifdef MG_ENABLE_SSI
#define MG_OPTION_SSI_ MG_ENABLE_SSI
#else
#define MG_OPTION_SSI_ 1 /* active where ssi_pattern is set */
#endif
#ifdef MG_MAX_SSI_DEPTH
#define MG_OPTION_SSI_DEPTH_ MG_MAX_SSI_DEPTH
#else
#define MG_OPTION_SSI_DEPTH_ 5
#endif
#ifdef MG_HTTP_DIRLIST_TIME_FMT
#define MG_OPTION_LOCAL_TIMES_ 1
#else
#define MG_OPTION_LOCAL_TIMES_ 0
#endif

/* Macros of a build from source that act inside of it. Nothing here can stand for them. */
#if defined(MG_CUSTOM_NONBLOCK) || defined(MG_STAT_STRUCT) || defined(MG_STAT_FUNC)
#pragma message("mongoose.h: MG_CUSTOM_NONBLOCK, MG_STAT_STRUCT and MG_STAT_FUNC have no effect in this library")
#endif
#if defined(MG_SOCK_ERR) || defined(MG_SOCK_PENDING) || defined(MG_SOCK_RESET) || defined(MG_SOCK_INTR)
#pragma message("mongoose.h: MG_SOCK_ERR, _PENDING, _RESET and _INTR have no effect in this library")
#endif
#ifdef MG_TLS_SSLKEYLOGFILE
#pragma message("mongoose.h: MG_TLS_SSLKEYLOGFILE has no effect in this library, which logs no keys")
#endif

#ifndef MG_IO_SIZE
#define MG_IO_SIZE 16384 /* growth step of buffers, largest single read */
#endif
#ifndef MG_MAX_RECV_SIZE
#define MG_MAX_RECV_SIZE 3145728UL /* most bytes in c->recv */
#endif
#ifndef MG_SOCK_LISTEN_BACKLOG_SIZE
#define MG_SOCK_LISTEN_BACKLOG_SIZE 128
#endif
#ifndef MG_HTTP_INDEX
#define MG_HTTP_INDEX "index.html" /* the file that is served for a directory */
#endif
#ifndef MG_JSON_MAX_DEPTH
#define MG_JSON_MAX_DEPTH 30 /* containers that may be open in JSON text */
#endif
#ifndef MG_PATH_MAX
#define MG_PATH_MAX FILENAME_MAX
#endif
#ifndef MG_DIRSEP
#define MG_DIRSEP '/'
#endif
#if MG_DIRSEP != '/'
#error "MG_DIRSEP other than '/' is not supported by this library"
#endif
#ifndef MG_INVALID_SOCKET
#define MG_INVALID_SOCKET (-1)
#endif
#ifndef MG_SOCKET_ERRNO
#define MG_SOCKET_ERRNO errno
#endif
#ifndef MG_ENABLE_DIRLIST
#define MG_ENABLE_DIRLIST 1
#endif
#ifndef MG_ENABLE_SSI
#define MG_ENABLE_SSI 0
#endif
#ifndef MG_ENABLE_IPV6
#define MG_ENABLE_IPV6 0
#endif
#ifndef MG_IPV6_V6ONLY
#define MG_IPV6_V6ONLY 0
#endif
#ifndef MG_ENABLE_POSIX_FS
#define MG_ENABLE_POSIX_FS 1
#endif
#ifndef MG_ENABLE_MD5
#define MG_ENABLE_MD5 1
#endif
#ifndef MG_ENABLE_CHACHA20
#define MG_ENABLE_CHACHA20 1
#endif
#ifndef MG_ENABLE_LOG
#define MG_ENABLE_LOG 1 /* 0: MG_LOG and its relatives do nothing in this program */
#endif
#ifndef MG_ENABLE_PROFILE
#define MG_ENABLE_PROFILE 0 /* 1: the MG_PROF_ macros work */
#endif

/* The program has functions of its own for these. They are used whatever the values here. */
#ifndef MG_ENABLE_CUSTOM_CALLOC
#define MG_ENABLE_CUSTOM_CALLOC 0
#endif
#ifndef MG_ENABLE_CUSTOM_LOG
#define MG_ENABLE_CUSTOM_LOG 0
#endif
#ifndef MG_ENABLE_CUSTOM_RANDOM
#define MG_ENABLE_CUSTOM_RANDOM 0
#endif
#ifndef MG_ENABLE_CUSTOM_MILLIS
#define MG_ENABLE_CUSTOM_MILLIS 0
#endif
#ifndef MG_ENABLE_CUSTOM_DEVICE_ID
#define MG_ENABLE_CUSTOM_DEVICE_ID 0
#endif

/*
 * Other network stacks and file systems.
 */

#ifndef MG_ENABLE_TCPIP
#define MG_ENABLE_TCPIP 0
#endif
#ifndef MG_ENABLE_BSD_SOCKETS
#define MG_ENABLE_BSD_SOCKETS 0
#endif
#ifndef MG_ENABLE_BSD_PROTOTYPES
#define MG_ENABLE_BSD_PROTOTYPES 1
#endif
#ifndef MG_ENABLE_LWIP
#define MG_ENABLE_LWIP 0
#endif
#ifndef MG_ENABLE_FREERTOS
#define MG_ENABLE_FREERTOS 0
#endif
#ifndef MG_ENABLE_FREERTOS_TCP
#define MG_ENABLE_FREERTOS_TCP 0
#endif
#ifndef MG_ENABLE_RL
#define MG_ENABLE_RL 0
#endif
#ifndef MG_ENABLE_FATFS
#define MG_ENABLE_FATFS 0
#endif
#ifndef MG_ENABLE_LFS
#define MG_ENABLE_LFS 0
#endif
#ifndef MG_ENABLE_WINSOCK
#define MG_ENABLE_WINSOCK 1
#endif
#ifndef MG_ENABLE_SOCKET
#define MG_ENABLE_SOCKET 1
#endif
#ifndef MG_ENABLE_TCPIP_DRIVER_INIT
#define MG_ENABLE_TCPIP_DRIVER_INIT 1
#endif
#ifndef MG_ENABLE_TCPIP_PRINT_DEBUG_STATS
#define MG_ENABLE_TCPIP_PRINT_DEBUG_STATS 0
#endif
#ifndef MG_TCPIP_DHCPNAME_SIZE
#define MG_TCPIP_DHCPNAME_SIZE 18
#endif
#ifndef MG_SET_MAC_ADDRESS
#define MG_SET_MAC_ADDRESS(mac)
#endif
#ifndef MG_SET_WIFI_CONFIG
#define MG_SET_WIFI_CONFIG(ssid, pass)
#endif

#if MG_ENABLE_TCPIP
#error "MG_ENABLE_TCPIP is not supported by this library"
#endif
#if MG_ENABLE_BSD_SOCKETS
#error "MG_ENABLE_BSD_SOCKETS is not supported by this library"
#endif
#if MG_ENABLE_LWIP
#error "MG_ENABLE_LWIP is not supported by this library"
#endif
#if MG_ENABLE_FREERTOS
#error "MG_ENABLE_FREERTOS is not supported by this library"
#endif
#if MG_ENABLE_FREERTOS_TCP
#error "MG_ENABLE_FREERTOS_TCP is not supported by this library"
#endif
#if MG_ENABLE_RL
#error "MG_ENABLE_RL is not supported by this library"
#endif
#if MG_ENABLE_FATFS
#error "MG_ENABLE_FATFS is not supported by this library"
#endif
#if MG_ENABLE_LFS
#error "MG_ENABLE_LFS is not supported by this library"
#endif
#if !MG_ENABLE_SOCKET
#error "MG_ENABLE_SOCKET=0 is not supported by this library"
#endif

/*
 * TLS. Whether it works depends on the library, not on the value here. Any value is accepted.
 */

#define MG_TLS_NONE 0
#define MG_TLS_MBED 1
#define MG_TLS_OPENSSL 2
#define MG_TLS_BUILTIN 3
#define MG_TLS_CUSTOM 4
#define MG_TLS_WOLFSSL 5

#ifndef MG_TLS
#define MG_TLS MG_TLS_NONE
#endif

/* Settings of elliptic curves in builds from source. */
#ifndef MG_UECC_OPTIMIZATION_LEVEL
#define MG_UECC_OPTIMIZATION_LEVEL 2
#endif
#ifndef MG_UECC_SQUARE_FUNC
#define MG_UECC_SQUARE_FUNC 0
#endif
#ifndef MG_UECC_VLI_NATIVE_LITTLE_ENDIAN
#define MG_UECC_VLI_NATIVE_LITTLE_ENDIAN 0
#endif
#ifndef MG_UECC_SUPPORTS_secp160r1
#define MG_UECC_SUPPORTS_secp160r1 0
#endif
#ifndef MG_UECC_SUPPORTS_secp192r1
#define MG_UECC_SUPPORTS_secp192r1 0
#endif
#ifndef MG_UECC_SUPPORTS_secp224r1
#define MG_UECC_SUPPORTS_secp224r1 0
#endif
#ifndef MG_UECC_SUPPORTS_secp256r1
#define MG_UECC_SUPPORTS_secp256r1 1
#endif
#ifndef MG_UECC_SUPPORTS_secp256k1
#define MG_UECC_SUPPORTS_secp256k1 0
#endif
#ifndef MG_UECC_SUPPORTS_secp384r1
#define MG_UECC_SUPPORTS_secp384r1 1
#endif
#ifndef MG_UECC_SUPPORT_COMPRESSED_POINT
#define MG_UECC_SUPPORT_COMPRESSED_POINT 1
#endif
#ifndef MG_UECC_PLATFORM
#define MG_UECC_PLATFORM 2
#endif
#ifndef MG_UECC_ARM_USE_UMAAL
#define MG_UECC_ARM_USE_UMAAL 0
#endif
#ifndef MG_UECC_WORD_SIZE
#define MG_UECC_WORD_SIZE 8
#endif
#ifndef MG_UECC_WORD_BITS
#define MG_UECC_WORD_BITS 64
#endif
#ifndef MG_UECC_WORD_BITS_SHIFT
#define MG_UECC_WORD_BITS_SHIFT 6
#endif
#ifndef MG_UECC_WORD_BITS_MASK
#define MG_UECC_WORD_BITS_MASK 63
#endif
#ifndef MG_UECC_ENABLE_VLI_API
#define MG_UECC_ENABLE_VLI_API 0
#endif
#ifndef X25519_BYTES
#define X25519_BYTES 32
#endif

/*
 * Marks of Differentiated Services for mg_dscp(): class selector, assured and expedited forwarding.
 */

#define MG_DSCP_CS(class_) ((class_) * 8)
#define MG_DSCP_AF(class_, drop) ((class_) * 8 + (drop) * 2)
#define MG_DSCP_EF 46

/*
 * Dashboards and firmware updates.
 */

#ifndef MG_HTTP_ADDR
#define MG_HTTP_ADDR "http://0.0.0.0:8000"
#endif
#ifndef MG_HTTPS_ADDR
#define MG_HTTPS_ADDR "https://0.0.0.0:8443"
#endif
#ifndef MG_MODBUS_ADDR
#define MG_MODBUS_ADDR "tcp://0.0.0.0:8502"
#endif
#ifndef MG_DASH_MAX_SEND_BUF_SIZE
#define MG_DASH_MAX_SEND_BUF_SIZE (MG_IO_SIZE * 5)
#endif

#define MG_OTA_NONE 0
#define MG_OTA_STM32H5 1
#define MG_OTA_STM32H7 2
#define MG_OTA_STM32H7_DUAL_CORE 3
#define MG_OTA_STM32F 4
#define MG_OTA_CH32V307 100
#define MG_OTA_U2A 200
#define MG_OTA_RT1020 300
#define MG_OTA_RT1050 301
#define MG_OTA_RT1060 302
#define MG_OTA_RT1064 303
#define MG_OTA_RT1170 304
#define MG_OTA_MCXN 310
#define MG_OTA_RW612 320
#define MG_OTA_FLASH 900
#define MG_OTA_ESP32 910
#define MG_OTA_PICOSDK 920
#define MG_OTA_CUSTOM 1000

#ifndef MG_OTA
#define MG_OTA MG_OTA_NONE
#endif
#ifndef MG_OTA_FIRMWARE_VERSION
#define MG_OTA_FIRMWARE_VERSION "1.0.0"
#endif
#ifndef MG_OTA_MAX_VERSION_LEN
#define MG_OTA_MAX_VERSION_LEN 64
#endif
#ifndef MG_OTA_PULL_INTERVAL_SECONDS
#define MG_OTA_PULL_INTERVAL_SECONDS 60
#endif
#ifndef MG_OTA_ROLLBACK_TIMEOUT_SECONDS
#define MG_OTA_ROLLBACK_TIMEOUT_SECONDS 120
#endif
#ifndef MG_OTA_STATUS_FN
#define MG_OTA_STATUS_FN NULL
#endif
#ifndef MG_OTA_TLS_CA
#define MG_OTA_TLS_CA NULL
#endif
#ifndef MG_OTA_URL
#define MG_OTA_URL NULL
#endif

/* These act on devices only. */
#define MG_OTA_BOOT_CHECK()
#define MG_OTA_ROLLBACK()
#define MG_OTA_ROLLBACK_TIMER_FEED()
#define MG_OTA_ROLLBACK_TIMER_START()
#define MG_OTA_STATE_GET() (0)
#define MG_OTA_STATE_SET(state)
#define MG_ARM_DISABLE_IRQ()
#define MG_ARM_ENABLE_IRQ()
#define MG_DSB()

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
struct mg_addr;
struct mg_iobuf;
struct mg_connection;
struct mg_dns;
struct mg_timer;
struct mg_mgr;
struct mg_str;
struct mg_ws_message;
struct mg_tls_opts;
struct mg_tls_pair;
struct mg_tls_config;
struct mg_tls_info;
struct mg_mqtt_prop;
struct mg_mqtt_opts;
struct mg_mqtt_message;
struct mg_dns_message;
struct mg_dns_header;
struct mg_dns_rr;
struct mg_dnssd_record;
struct mg_mdns_req;
struct mg_mdns_resp;
struct mg_rpc;
struct mg_rpc_req;
struct mg_field;
struct mg_field_set;
struct mg_dash_custom_handler;
struct mg_fs;
struct mg_dash;
struct mg_dash_user;
struct mg_fd;
struct mg_mem_file;
struct mg_queue;
struct mg_http_header;
struct mg_http_message;
struct mg_http_serve_opts;
struct mg_http_part;
struct mg_jwt_opts;
struct mg_modbus_req;
struct mg_option;
struct aes_context;
struct MG_UECC_HashContext;
struct mg_http_web_opts;
struct mg_wifi_data;
struct mg_wifi_scan_bss_data;
struct mg_tcpip_driver_atcmd_data;
struct mg_phy;
struct mg_md5_ctx;
struct mg_sha1_ctx;
struct mg_sha256_ctx;
struct mg_sha384_ctx;

/* Continuation of a fragmented message. */
#define WEBSOCKET_OP_CONTINUE 0

/* Text, in UTF-8. */
#define WEBSOCKET_OP_TEXT 1

/* Bytes. */
#define WEBSOCKET_OP_BINARY 2

/* Close. */
#define WEBSOCKET_OP_CLOSE 8

/* Ping. */
#define WEBSOCKET_OP_PING 9

/* Pong. */
#define WEBSOCKET_OP_PONG 10

/* Client asks for a session. */
#define MQTT_CMD_CONNECT 1

/* Server answers CONNECT. */
#define MQTT_CMD_CONNACK 2

/* A message. */
#define MQTT_CMD_PUBLISH 3

/* Answers PUBLISH with QoS 1. */
#define MQTT_CMD_PUBACK 4

/* Answers PUBLISH with QoS 2. */
#define MQTT_CMD_PUBREC 5

/* Answers PUBREC. */
#define MQTT_CMD_PUBREL 6

/* Answers PUBREL. */
#define MQTT_CMD_PUBCOMP 7

/* Client subscribes. */
#define MQTT_CMD_SUBSCRIBE 8

/* Server answers SUBSCRIBE. */
#define MQTT_CMD_SUBACK 9

/* Client unsubscribes. */
#define MQTT_CMD_UNSUBSCRIBE 10

/* Server answers UNSUBSCRIBE. */
#define MQTT_CMD_UNSUBACK 11

/* Keep-alive. */
#define MQTT_CMD_PINGREQ 12

/* Answers PINGREQ. */
#define MQTT_CMD_PINGRESP 13

/* The end of a session. */
#define MQTT_CMD_DISCONNECT 14

/* Authentication exchange (MQTT 5). */
#define MQTT_CMD_AUTH 15

/* Property: payload format indicator. */
#define MQTT_PROP_PAYLOAD_FORMAT_INDICATOR 1

/* Property: message expiry interval. */
#define MQTT_PROP_MESSAGE_EXPIRY_INTERVAL 2

/* Property: content type. */
#define MQTT_PROP_CONTENT_TYPE 3

/* Property: response topic. */
#define MQTT_PROP_RESPONSE_TOPIC 8

/* Property: correlation data. */
#define MQTT_PROP_CORRELATION_DATA 9

/* Property: subscription identifier. */
#define MQTT_PROP_SUBSCRIPTION_IDENTIFIER 11

/* Property: session expiry interval. */
#define MQTT_PROP_SESSION_EXPIRY_INTERVAL 17

/* Property: assigned client identifier. */
#define MQTT_PROP_ASSIGNED_CLIENT_IDENTIFIER 18

/* Property: server keep alive. */
#define MQTT_PROP_SERVER_KEEP_ALIVE 19

/* Property: authentication method. */
#define MQTT_PROP_AUTHENTICATION_METHOD 21

/* Property: authentication data. */
#define MQTT_PROP_AUTHENTICATION_DATA 22

/* Property: request problem information. */
#define MQTT_PROP_REQUEST_PROBLEM_INFORMATION 23

/* Property: will delay interval. */
#define MQTT_PROP_WILL_DELAY_INTERVAL 24

/* Property: request response information. */
#define MQTT_PROP_REQUEST_RESPONSE_INFORMATION 25

/* Property: response information. */
#define MQTT_PROP_RESPONSE_INFORMATION 26

/* Property: server reference. */
#define MQTT_PROP_SERVER_REFERENCE 28

/* Property: reason string. */
#define MQTT_PROP_REASON_STRING 31

/* Property: receive maximum. */
#define MQTT_PROP_RECEIVE_MAXIMUM 33

/* Property: topic alias maximum. */
#define MQTT_PROP_TOPIC_ALIAS_MAXIMUM 34

/* Property: topic alias. */
#define MQTT_PROP_TOPIC_ALIAS 35

/* Property: maximum QoS. */
#define MQTT_PROP_MAXIMUM_QOS 36

/* Property: retain available. */
#define MQTT_PROP_RETAIN_AVAILABLE 37

/* Property: user property. */
#define MQTT_PROP_USER_PROPERTY 38

/* Property: maximum packet size. */
#define MQTT_PROP_MAXIMUM_PACKET_SIZE 39

/* Property: wildcard subscription available. */
#define MQTT_PROP_WILDCARD_SUBSCRIPTION_AVAILABLE 40

/* Property: subscription identifier available. */
#define MQTT_PROP_SUBSCRIPTION_IDENTIFIER_AVAILABLE 41

/* Property: shared subscription available. */
#define MQTT_PROP_SHARED_SUBSCRIPTION_AVAILABLE 42

/* IPv4 address. */
#define MG_DNS_RTYPE_A 1

/* Pointer to another name. */
#define MG_DNS_RTYPE_PTR 12

/* Text. */
#define MG_DNS_RTYPE_TXT 16

/* IPv6 address. */
#define MG_DNS_RTYPE_AAAA 28

/* Service: host and port. */
#define MG_DNS_RTYPE_SRV 33

/* A timer that fires once. */
#define MG_TIMER_ONCE 0

/* A timer that fires every period. */
#define MG_TIMER_REPEAT 1

/* Fire at the first poll that sees the timer. */
#define MG_TIMER_RUN_NOW 2

/* Set by the library after the first firing. */
#define MG_TIMER_CALLED 4

/* Release the timer by `mg_free` when it is done. */
#define MG_TIMER_AUTODELETE 8

/* Read coils. */
#define MG_MODBUS_FUNC_READ_COILS 1

/* Read discrete inputs. */
#define MG_MODBUS_FUNC_READ_DISCRETE_INPUTS 2

/* Read holding registers. */
#define MG_MODBUS_FUNC_READ_HOLDING_REGISTERS 3

/* Read input registers. */
#define MG_MODBUS_FUNC_READ_INPUT_REGISTERS 4

/* Write one coil. */
#define MG_MODBUS_FUNC_WRITE_SINGLE_COIL 5

/* Write one register. */
#define MG_MODBUS_FUNC_WRITE_SINGLE_REGISTER 6

/* Write coils. */
#define MG_MODBUS_FUNC_WRITE_MULTIPLE_COILS 15

/* Write registers. */
#define MG_MODBUS_FUNC_WRITE_MULTIPLE_REGISTERS 16

/* Read a text that identifies the device (function 43, type 14): `addr` is its number (0 vendor, 1
 * product code, 2 version, 3 URL of the vendor, 4 product, 5 model, 6 application, from 0x80 the
 * device's own). An addition of this library.
 */
#define MG_MODBUS_FUNC_READ_DEVICE_ID 43

/* Bytes that such a text may have. An addition of this library. */
#define MG_MODBUS_TEXT_MAX 244

/* Success. */
#define MG_MODBUS_ERR_NONE 0

/* Function not supported. */
#define MG_MODBUS_ERR_ILLEGAL_FUNCTION 1

/* No such address. */
#define MG_MODBUS_ERR_ILLEGAL_ADDRESS 2

/* Value not allowed. */
#define MG_MODBUS_ERR_ILLEGAL_VALUE 3

/* The device failed. */
#define MG_MODBUS_ERR_DEVICE_FAILURE 4

/* `c->send` has reached its high-water mark; `ev_data` is `size_t *`: bytes queued. An addition of
 * this library. Fires once, and again after the buffer has been below the mark.
 */
#define MG_EV_HIGH_WATER (-1)

/* An MQTT client with `MG_SET_MQTT_RECONNECT` is not connected; `ev_data` is `uint64_t *`: milliseconds
 * until it connects again. Fires for attempts that failed, too. An addition of this library.
 */
#define MG_EV_MQTT_DISCONNECTED (-2)

/* An MQTT client with `MG_SET_MQTT_RECONNECT` has logged in again; follows `MG_EV_MQTT_OPEN`. `ev_data` is
 * `int *`: 1 if the server has kept the session. If not, the subscriptions were made again. An addition
 * of this library.
 */
#define MG_EV_MQTT_RECONNECTED (-3)

/* For `mg_mgr_get`: bytes that the connections of a manager hold, as `MG_SET_MEMORY_LIMIT` counts them. An
 * addition of this library.
 */
#define MG_GET_MEMORY (-1)

/* For `mg_mgr_get`: accepted connections. An addition of this library. */
#define MG_GET_ACCEPTED (-2)

/* How many there are. */
#define mg_setting_COUNT 65

/* Open network. */
#define MG_WIFI_SECURITY_OPEN 0

/* WEP. */
#define MG_WIFI_SECURITY_WEP 1

/* WPA. */
#define MG_WIFI_SECURITY_WPA 2

/* WPA2. */
#define MG_WIFI_SECURITY_WPA2 4

/* WPA3. */
#define MG_WIFI_SECURITY_WPA3 8

/* WPA enterprise. */
#define MG_WIFI_SECURITY_WPA_ENTERPRISE 16

/* WPA2 enterprise. */
#define MG_WIFI_SECURITY_WPA2_ENTERPRISE 32

/* WPA3 enterprise. */
#define MG_WIFI_SECURITY_WPA3_ENTERPRISE 64

/* 2.4 GHz. */
#define MG_WIFI_BAND_2G 0

/* 5 GHz. */
#define MG_WIFI_BAND_5G 1

/* The largest value of each, so that no size overflows. */
#define Layout_LARGEST (1 << 20)

/* Type of the value of an MQTT 5 property. */
enum {
  /* One byte, in `iv`. */
  MQTT_PROP_TYPE_BYTE = 0,
  /* Text, in `val`. */
  MQTT_PROP_TYPE_STRING = 1,
  /* Two texts, in `key` and `val`. */
  MQTT_PROP_TYPE_STRING_PAIR = 2,
  /* Bytes, in `val`. */
  MQTT_PROP_TYPE_BINARY_DATA = 3,
  /* Number of one to four bytes, in `iv`. */
  MQTT_PROP_TYPE_VARIABLE_INT = 4,
  /* Number of four bytes, in `iv`. */
  MQTT_PROP_TYPE_INT = 5,
  /* Number of two bytes, in `iv`. */
  MQTT_PROP_TYPE_SHORT = 6
};

/* Result of `mg_mqtt_parse`. */
enum {
  /* A whole packet. */
  MQTT_OK = 0,
  /* More bytes are needed. */
  MQTT_INCOMPLETE = 1,
  /* Not MQTT. */
  MQTT_MALFORMED = 2
};

/* Why `mg_json_get` found nothing. */
enum {
  /* More than `MG_JSON_MAX_DEPTH` containers are open. */
  MG_JSON_TOO_DEEP = -1,
  /* Not JSON, or the path does not begin with `$`. */
  MG_JSON_INVALID = -2,
  /* No such element. */
  MG_JSON_NOT_FOUND = -3
};

/* The C type of a field's `value`. */
enum mg_val_type {
  /* `int`. */
  MG_VAL_INT = 0,
  /* `uint64_t`. */
  MG_VAL_UINT64 = 1,
  /* `bool`. */
  MG_VAL_BOOL = 2,
  /* `double`. */
  MG_VAL_DBL = 3,
  /* `char[]`, NUL-terminated text. */
  MG_VAL_STR = 4,
  /* `char[]`, NUL-terminated JSON. */
  MG_VAL_RAW = 5
};

/* What a field set's `fn` is asked to do. */
enum mg_dash_op {
  /* Load the variables. */
  MG_DASH_READ = 0,
  /* Apply the variables. */
  MG_DASH_WRITE = 1,
  /* Delete the element at `index`. */
  MG_DASH_DELETE = 2,
  /* Append an element from the variables. */
  MG_DASH_ADD = 3
};

/* Log levels, for `mg_log_level`. */
enum {
  /* Log nothing. */
  MG_LL_NONE = 0,
  /* What went wrong. */
  MG_LL_ERROR = 1,
  /* Rare and important. */
  MG_LL_INFO = 2,
  /* What a developer wants to see. The level at program start. */
  MG_LL_DEBUG = 3,
  /* Everything. */
  MG_LL_VERBOSE = 4
};

/* Flags of `mg_fs.st` results and of `mg_fs_open`. */
enum {
  /* Readable; open for reading. */
  MG_FS_READ = 1,
  /* Writable; open for writing, at the end of the file. */
  MG_FS_WRITE = 2,
  /* A directory. */
  MG_FS_DIR = 4,
  /* Open only if the file does not exist yet. */
  MG_FS_EXCL = 8
};

/* Results of the low-level I/O functions that are not a number of bytes. */
enum {
  /* The connection failed or was closed by the peer. */
  MG_IO_ERR = -1,
  /* Nothing could be done now; try again later. */
  MG_IO_WAIT = -2
};

/* What happened to a connection; handlers get the number as `int ev`.
 *
 * `ev_data` and what it points at are valid during the call only.
 */
enum mg_event {
  /* An error; `ev_data` is `char *`: NUL-terminated text of at most 63 characters. */
  MG_EV_ERROR = 0,
  /* A connection came into being; `ev_data` is NULL, or for outgoing connections the URL. */
  MG_EV_OPEN = 1,
  /* A turn of the loop; `ev_data` is `uint64_t *`: milliseconds of `mg_millis()`. */
  MG_EV_POLL = 2,
  /* The address of an outgoing connection is known; `ev_data` is NULL. */
  MG_EV_RESOLVE = 3,
  /* An outgoing connection is up; `ev_data` is NULL. */
  MG_EV_CONNECT = 4,
  /* A connection was accepted (fires on the new connection); `ev_data` is NULL. */
  MG_EV_ACCEPT = 5,
  /* A TLS handshake is complete; `ev_data` is NULL. */
  MG_EV_TLS_HS = 6,
  /* Bytes were appended to `c->recv`; `ev_data` is `long *`: how many. */
  MG_EV_READ = 7,
  /* Bytes left `c->send`; `ev_data` is `long *`: how many. */
  MG_EV_WRITE = 8,
  /* The last event of a connection; `ev_data` is NULL. */
  MG_EV_CLOSE = 9,
  /* HTTP headers arrived; `ev_data` is `struct mg_http_message *`. */
  MG_EV_HTTP_HDRS = 10,
  /* A whole HTTP message arrived; `ev_data` is `struct mg_http_message *`. */
  MG_EV_HTTP_MSG = 11,
  /* A WebSocket handshake is complete; `ev_data` is `struct mg_http_message *`. */
  MG_EV_WS_OPEN = 12,
  /* A WebSocket message arrived; `ev_data` is `struct mg_ws_message *`. */
  MG_EV_WS_MSG = 13,
  /* A WebSocket control frame arrived; `ev_data` is `struct mg_ws_message *`. */
  MG_EV_WS_CTL = 14,
  /* An MQTT packet arrived; `ev_data` is `struct mg_mqtt_message *`. */
  MG_EV_MQTT_CMD = 15,
  /* An MQTT PUBLISH arrived; `ev_data` is `struct mg_mqtt_message *`. */
  MG_EV_MQTT_MSG = 16,
  /* An MQTT CONNACK arrived; `ev_data` is `int *`: its return code. */
  MG_EV_MQTT_OPEN = 17,
  /* An SNTP answer arrived; `ev_data` is `uint64_t *`: milliseconds since 1970. */
  MG_EV_SNTP_TIME = 18,
  /* `mg_wakeup` data arrived; `ev_data` is `struct mg_str *`. */
  MG_EV_WAKEUP = 19,
  /* An mDNS query arrived; `ev_data` is `struct mg_mdns_req *`. */
  MG_EV_MDNS_REQ = 20,
  /* An mDNS answer arrived; `ev_data` is `struct mg_mdns_resp *`. */
  MG_EV_MDNS_RESP = 21,
  /* A Modbus request arrived; `ev_data` is `struct mg_modbus_req *`. */
  MG_EV_MODBUS_REQ = 22,
  /* The first number free for programs. */
  MG_EV_USER = 23
};

/* A setting for `mg_mgr_set` and `mg_conn_set`. The defaults are those of the original library. */
enum mg_setting {
  /* Bytes in `c->recv` at which a connection that wants to read fails with `MG_MAX_RECV_SIZE`. */
  MG_SET_RECV_LIMIT = 1,
  /* Bytes by which `c->recv` grows, and so the largest single read. */
  MG_SET_READ_SIZE = 2,
  /* Backlog of listening sockets. Managers only. */
  MG_SET_BACKLOG = 3,
  /* 1 or 0: `TCP_NODELAY` on accepted and outgoing connections. Managers only. */
  MG_SET_NODELAY = 4,
  /* 1 or 0: `SO_KEEPALIVE` on accepted and outgoing connections. Managers only. */
  MG_SET_KEEPALIVE = 5,
  /* 1 or 0: `SO_REUSEPORT` on listening sockets, so that processes share a port. Managers only. */
  MG_SET_REUSEPORT = 6,
  /* Milliseconds for resolving and connecting, then `MG_EV_ERROR` "connect timeout"; 0: no limit. */
  MG_SET_CONNECT_TIMEOUT = 7,
  /* Milliseconds without a byte in or out, then `MG_EV_ERROR` "idle timeout"; 0: no limit. */
  MG_SET_IDLE_TIMEOUT = 8,
  /* Bytes in `c->send` at which `MG_EV_HIGH_WATER` fires; 0: never. */
  MG_SET_HIGH_WATER = 9,
  /* 1 or 0: fire `MG_EV_POLL`. */
  MG_SET_POLL_EVENTS = 10,
  /* Accepted connections at once; more are rejected. 0: no limit. Managers only. */
  MG_SET_MAX_CONNECTIONS = 11,
  /* Accepted connections at once from one address; more are rejected. 0: no limit. Managers only. */
  MG_SET_MAX_PER_ADDRESS = 12,
  /* 1 or 0: refuse messages that RFC 9112 calls invalid and the original accepts: odd methods, names,
   * targets, statuses and versions, spaces, LF without CR, odd chunk sizes and extensions, a missing
   * `Host`, a response that is sent to a server. `MG_SET_HTTP_ALLOW_NO_HOST` and the settings after it
   * are single exceptions.
   */
  MG_SET_HTTP_STRICT = 13,
  /* 1 or 0: answer requests that cannot be served with 400, 408, 411, 413, 414, 429, 431, 501, 503 or
   * 505 before closing, instead of closing silently. What a client still sends is read for
   * up to two seconds, so that the reply reaches it.
   */
  MG_SET_HTTP_ERROR_REPLIES = 14,
  /* 1 or 0: answer `Expect: 100-continue` once `MG_EV_HTTP_HDRS` has not answered the request. */
  MG_SET_HTTP_CONTINUE = 15,
  /* 1 or 0: close after the reply to an HTTP/1.0 request without `Connection: keep-alive`, and
   * confirm that header where it is there; see `mg_http_connection_header`.
   */
  MG_SET_HTTP10_CLOSE = 16,
  /* Bytes of the head of a message. */
  MG_SET_HTTP_MAX_HEAD = 17,
  /* Bytes of the body of a request that is collected in `c->recv`; 0: only `MG_SET_RECV_LIMIT` counts. */
  MG_SET_HTTP_MAX_BODY = 18,
  /* Requests on one connection; it closes after the reply to the last. 0: no limit. */
  MG_SET_HTTP_MAX_REQUESTS = 19,
  /* Milliseconds from the first byte of a head to its last; 0: no limit. */
  MG_SET_HTTP_HEAD_TIMEOUT = 20,
  /* Bytes per second that the body of a request must come in with, after five seconds of grace,
   * whether it is collected, uploaded to a file or streamed; 0: no limit. A program that streams
   * has all the time it wants to take what has come out of `c->recv`.
   */
  MG_SET_HTTP_BODY_RATE = 21,
  /* Milliseconds that a connection may wait for its next request; 0: no limit. */
  MG_SET_HTTP_IDLE_TIMEOUT = 22,
  /* Bytes of a WebSocket message, after decompression; a longer one ends the connection with
   * code 1009. 0: only `MG_SET_RECV_LIMIT` counts.
   */
  MG_SET_WS_MESSAGE_LIMIT = 23,
  /* Milliseconds in which nothing came over a WebSocket, then a ping is sent; 0: never. */
  MG_SET_WS_PING = 24,
  /* Milliseconds after such a ping in which still nothing came, then `MG_EV_ERROR`
   * "WS pong timeout"; 0: as long as `MG_SET_WS_PING`.
   */
  MG_SET_WS_PONG_TIMEOUT = 25,
  /* Milliseconds for the peer to answer a close frame, then the connection closes; 0: no limit. */
  MG_SET_WS_CLOSE_TIMEOUT = 26,
  /* permessage-deflate (RFC 7692): the largest window in bits, 9 to 15; 0: no compression.
   * Counts for handshakes to come.
   */
  MG_SET_WS_DEFLATE = 27,
  /* 1 or 0: compressed messages may refer to earlier ones (context takeover), which makes them
   * smaller and costs memory for each connection.
   */
  MG_SET_WS_DEFLATE_CONTEXT = 28,
  /* Milliseconds in which none of the bytes that wait to be sent leaves an HTTP server, then
   * `MG_EV_ERROR` "HTTP send timeout"; 0: no limit. Not for WebSockets.
   */
  MG_SET_HTTP_SEND_TIMEOUT = 29,
  /* 1 or 0: connections that a listener with a TLS URL, or one that was given to `mg_tls_init`,
   * accepts begin TLS with what the listener was given, unless the handler of `MG_EV_ACCEPT` calls
   * `mg_tls_init` itself.
   */
  MG_SET_TLS_INHERIT = 30,
  /* 1 or 0: listeners on IPv6 addresses take no IPv4 peers. Managers only. `MG_IPV6_V6ONLY`. */
  MG_SET_IPV6_ONLY = 31,
  /* 1 or 0: list directories without index file; 0: answer 403. `MG_ENABLE_DIRLIST`. */
  MG_SET_HTTP_DIRLIST = 32,
  /* 1 or 0: files that match `ssi_pattern` have their includes in place. `MG_ENABLE_SSI`. */
  MG_SET_HTTP_SSI = 33,
  /* How deep included files may include others. `MG_MAX_SSI_DEPTH`. */
  MG_SET_HTTP_SSI_DEPTH = 34,
  /* 1 or 0: times in listings are local time, to the second. `MG_HTTP_DIRLIST_TIME_FMT`. */
  MG_SET_HTTP_LOCAL_TIMES = 35,
  /* Bytes of the path of a file that is served, with its NUL. `MG_PATH_MAX`. */
  MG_SET_PATH_MAX = 36,
  /* A text, for `mg_mgr_set_text`: the file that is served for a directory. Managers only.
   * `MG_HTTP_INDEX`.
   */
  MG_SET_HTTP_INDEX = 37,
  /* Containers that may be open at a time in JSON text, up to 128. For the whole process.
   * `MG_JSON_MAX_DEPTH`.
   */
  MG_SET_JSON_DEPTH = 38,
  /* 1 or 0: the library logs lines of its own. For the whole process. `MG_ENABLE_LOG`. */
  MG_SET_LOG = 39,
  /* 1 or 0: `mg_fs_posix` works; 0: each of its functions fails. For the whole process.
   * `MG_ENABLE_POSIX_FS`.
   */
  MG_SET_POSIX_FS = 40,
  /* A text, for `mg_mgr_set_text`: the version that firmware updates are compared with. For the whole
   * process. `MG_OTA_FIRMWARE_VERSION`.
   */
  MG_SET_OTA_VERSION = 41,
  /* A text, for `mg_mgr_set_text`: certificates (PEM) that firmware servers are checked by; see also
   * `mg_ota_set_ca`. For the whole process. `MG_OTA_TLS_CA`.
   */
  MG_SET_OTA_CA = 42,
  /* What connections mark their packets with (RFC 2474), 0 to 63: see `mg_dscp`. */
  MG_SET_DSCP = 43,
  /* 1 or 0: TLS sessions may be resumed: a server gives tickets, a client keeps those it gets. On
   * by default. Counts for sessions to come.
   */
  MG_SET_TLS_TICKETS = 44,
  /* 1 or 0: append the keys of TLS sessions to the file that the environment variable
   * `SSLKEYLOGFILE` names, so that a recording of the traffic can be read. Counts for sessions to
   * come. Whoever has that file can read everything.
   */
  MG_SET_TLS_KEY_LOG = 45,
  /* 1 or 0: an MQTT connection ends for each packet that the standards forbid: malformed ones of any
   * kind, those that this side does not take, a second CONNECT, and what the other settings here do
   * not allow. In MQTT 5 a DISCONNECT says why. An accepted connection gets `c->is_mqtt5` from CONNECT.
   */
  MG_SET_MQTT_STRICT = 46,
  /* Bytes of an MQTT packet; 0: only `MG_SET_RECV_LIMIT` counts. Counts where `MG_SET_MQTT_STRICT` is
   * on, as the next two. `mg_mqtt_login` announces all three in MQTT 5; a server's CONNACK is the
   * program's.
   */
  MG_SET_MQTT_PACKET_LIMIT = 47,
  /* Messages with QoS 2 that a peer may have open at once in MQTT 5. */
  MG_SET_MQTT_RECEIVE_MAX = 48,
  /* Topic aliases that a peer may use in MQTT 5; each keeps a topic. 0: none. */
  MG_SET_MQTT_TOPIC_ALIASES = 49,
  /* Header lines of a request, 1 to 1024; one with more is answered with 431 if such replies are wanted. */
  MG_SET_HTTP_MAX_HEADERS = 50,
  /* 1 or 0: replies say when they were made (`Date`, RFC 9110, section 6.6.1); see
   * `mg_http_date_header`. Those with files do so in any case.
   */
  MG_SET_HTTP_DATE = 51,
  /* 1 or 0: a reply after which the connection closes says `Connection: close` (RFC 9112, section
   * 9.6), unless its headers have a `Connection` line; see `mg_http_connection_header`.
   */
  MG_SET_HTTP_CLOSE_HEADER = 52,
  /* Milliseconds until a connection is of use: for the TLS handshake, for the response that a WebSocket
   * client waits for, and until CONNECT or CONNACK of MQTT has come; each begins when what it needs is
   * there. Then `MG_EV_ERROR` "TLS handshake timeout", "WS handshake timeout" or "MQTT login timeout";
   * 0: no limit.
   */
  MG_SET_HANDSHAKE_TIMEOUT = 53,
  /* Bytes per second that a WebSocket message or an MQTT packet must come in with once its first byte
   * is there, after five seconds of grace. Then `MG_EV_ERROR` "WS message timeout" or "MQTT packet
   * timeout"; 0: no limit. Frames between the fragments of a message do not count, and nothing does
   * while the program has set `is_full`.
   */
  MG_SET_MESSAGE_RATE = 54,
  /* Bytes that the connections of a manager may hold: the capacity of `recv`, `send` and `rtls`, and
   * windows for compression; 0: no limit. At the limit nothing more is read; empty buffers are released,
   * and connections that have waited for their peers for the longest time fail with `MG_EV_ERROR`
   * "memory limit". What a program sends counts, but is not refused. Managers only; `mg_mgr_get` with
   * `MG_GET_MEMORY` has the count.
   */
  MG_SET_MEMORY_LIMIT = 55,
  /* 1 or 0: with `MG_SET_HTTP_STRICT`, requests of HTTP/1.1 may have no `Host`. */
  MG_SET_HTTP_ALLOW_NO_HOST = 56,
  /* 1 or 0: with `MG_SET_HTTP_STRICT`, lines of a request's head may end in LF alone. */
  MG_SET_HTTP_ALLOW_LF = 57,
  /* 1 or 0: with `MG_SET_HTTP_STRICT`, the target of a request may have bytes from 0x80 on, which belong
   * percent-encoded.
   */
  MG_SET_HTTP_ALLOW_RAW_TARGET = 58,
  /* 1 or 0: requests with a method that is neither registered nor of WebDAV are refused with 501. */
  MG_SET_HTTP_KNOWN_METHODS = 59,
  /* Milliseconds between two `MG_EV_POLL` of a connection that has no I/O and whose handler does nothing
   * there, while a manager of more than 32 connections is busy; 0: all get it in each poll, up to 1,000
   * connections. A handler does something if it changes flags, `data`, `recv` or `send` of its
   * connection: then it gets `MG_EV_POLL` in the next poll too. All get it in a poll without I/O.
   * What a program changes by hand on another connection may be noticed that late. Managers only.
   */
  MG_SET_POLL_INTERVAL = 60,
  /* 1 or 0: accepted connections begin with a header of the PROXY protocol, version 1 or 2, before TLS
   * and everything else; the client that it names becomes `c->rem`. Without one, or with one that is
   * malformed, they close. Set on a listener, or at `MG_EV_ACCEPT` for peers that are proxies: whoever
   * may send a header can claim any address.
   */
  MG_SET_PROXY_PROTOCOL = 61,
  /* Milliseconds until a client of `mg_mqtt_connect` whose connection was lost connects again, for the
   * first attempt; the next ones wait twice as long each, up to `MG_SET_MQTT_RECONNECT_MAX`, and each up to
   * half of that less, by chance. 0: the connection closes. While it is set, messages and subscriptions
   * are kept, see `mg_mqtt_connect`.
   */
  MG_SET_MQTT_RECONNECT = 62,
  /* Milliseconds between two attempts at the most. */
  MG_SET_MQTT_RECONNECT_MAX = 63,
  /* Bytes of messages and subscriptions that such a client keeps, with 160 for each; beyond that
   * `mg_mqtt_pub` and `mg_mqtt_sub` queue nothing, and `errno` is `ENOBUFS`.
   */
  MG_SET_MQTT_QUEUE = 64,
  /* Milliseconds that a client of `mg_mqtt_connect` waits for PINGRESP, then `MG_EV_ERROR` "MQTT pong
   * timeout". PINGREQ is sent when nothing was sent, or nothing has come, for three quarters of the
   * keep-alive of CONNECT, or of the server's (MQTT 5.0, section 3.2.2.3.14). 0: the program does that.
   */
  MG_SET_MQTT_PONG_TIMEOUT = 65
};

/* Flags of `mg_http_web_opts`. */
enum {
  /* Send the security headers: no guessing of types, no frames on other sites, short referrers,
   * and over TLS no way back to plain HTTP. More types are known then, such as `video/webm`.
   */
  MG_WEB_SECURITY = 1,
  /* Send `NAME.br` or `NAME.gz` in place of `NAME` to browsers that take it, and say so in `Vary`. */
  MG_WEB_PRECOMPRESSED = 2,
  /* Do not follow symbolic links that lead out of the root. For `mg_fs_posix`. */
  MG_WEB_BENEATH = 4,
  /* Answer 404 for directories without an index. */
  MG_WEB_NO_LISTING = 8,
  /* Answer 404 for names that begin with a dot, but for `.well-known`. */
  MG_WEB_NO_DOT_FILES = 16,
  /* Let pages of the allowed origins send cookies and credentials. */
  MG_WEB_CREDENTIALS = 32
};

/* State of the firmware that is running. */
enum {
  /* Confirmed. */
  MG_OTA_CONFIRMED = 0,
  /* New, on trial. */
  MG_OTA_TESTING = 1,
  /* Did not work. */
  MG_OTA_FAILED = 2,
  /* The previous one again, after a failure. */
  MG_OTA_ROLLEDBACK = 3
};

/* Settings of an Ethernet PHY. */
enum {
  /* The LEDs are active high. */
  MG_PHY_LEDS_ACTIVE_HIGH = 1,
  /* The PHY gives the clock to the MAC. */
  MG_PHY_CLOCKS_MAC = 2
};

/* Speed of an Ethernet link. */
enum {
  /* 10 Mbit/s. */
  MG_PHY_SPEED_10M = 0,
  /* 100 Mbit/s. */
  MG_PHY_SPEED_100M = 1,
  /* 1 Gbit/s. */
  MG_PHY_SPEED_1000M = 2
};

/* Address bytes, in network order. */
union mg_ip_bytes {
  /* As 16 bytes; IPv4 uses the first four. */
  uint8_t ip[16];
  /* As an IPv4 number in network order. */
  uint32_t ip4;
  /* As two 64-bit halves in network order. */
  uint64_t ip6[2];
};

/* A network address and port. */
struct mg_addr {
  /* The address; with MG_ENABLE_ADDR_ALIASES defined also `a.ip`, `a.ip4`, `a.ip6`. */
#ifdef MG_ENABLE_ADDR_ALIASES
  __extension__ union {
    union mg_ip_bytes addr;
    uint8_t ip[16];
    uint32_t ip4;
    uint64_t ip6[2];
  };
#else
  union mg_ip_bytes addr;
#endif
  /* The port, in network byte order. */
  uint16_t port;
  /* IPv6 scope. */
  uint8_t scope_id;
  /* IPv6 rather than IPv4. */
  bool is_ip6;
};

/* A growable buffer. The memory is that of `mg_calloc` and `mg_free`. */
struct mg_iobuf {
  /* First byte, or NULL when `size` is 0. */
  uint8_t *buf;
  /* Bytes allocated. */
  size_t size;
  /* Bytes in use. */
  size_t len;
  /* `size` is kept a multiple of this; 0 means exact. */
  size_t align;
};

/* Handles the events of a connection: one of `MG_EV_*`, with data that depends on the event. */
typedef void (*mg_event_handler_t)(struct mg_connection *c, int ev, void *ev_data);

/* A connection: listening, accepted, outgoing, or a wrapped descriptor. */
struct mg_connection {
  /* Next in `mgr->conns`. */
  struct mg_connection *next;
  /* The manager. */
  struct mg_mgr *mgr;
  /* Local address. */
  struct mg_addr loc;
  /* Address of the peer. */
  struct mg_addr rem;
  /* The descriptor: `(int) (size_t) c->fd`. */
  void *fd;
  /* 1, 2, 3 and so on in each manager; never reused. */
  unsigned long id;
  /* Bytes received and not consumed. */
  struct mg_iobuf recv;
  /* Bytes to send. */
  struct mg_iobuf send;
  /* Profile; unused unless the program uses it. */
  struct mg_iobuf prof;
  /* TLS: bytes received and not decrypted. */
  struct mg_iobuf rtls;
  /* The program's handler. */
  mg_event_handler_t fn;
  /* Free for the program's handler. */
  void *fn_data;
  /* The protocol handler; runs before `fn`. */
  mg_event_handler_t pfn;
  /* Belongs to the protocol handler. */
  void *pfn_data;
  /* Free for the program; zeroed. */
  char data[MG_DATA_SIZE];
  /* TLS state. */
  void *tls;
  /* Listening socket. */
  unsigned int is_listening: 1;
  /* Outgoing connection. */
  unsigned int is_client: 1;
  /* Accepted connection. */
  unsigned int is_accepted: 1;
  /* A name is being resolved. */
  unsigned int is_resolving: 1;
  /* Never set on hosted systems. */
  unsigned int is_arplooking: 1;
  /* A TCP connect is pending. */
  unsigned int is_connecting: 1;
  /* TLS connection. */
  unsigned int is_tls: 1;
  /* TLS handshake in progress. */
  unsigned int is_tls_hs: 1;
  /* UDP. */
  unsigned int is_udp: 1;
  /* WebSocket. */
  unsigned int is_websocket: 1;
  /* MQTT version 5. */
  unsigned int is_mqtt5: 1;
  /* Set it to log a hex dump of all traffic. */
  unsigned int is_hexdumping: 1;
  /* Set it to close when everything is sent. */
  unsigned int is_draining: 1;
  /* Set it to close now. */
  unsigned int is_closing: 1;
  /* Set it to stop reading, clear it to continue. */
  unsigned int is_full: 1;
  /* TLS output waits for the socket. */
  unsigned int is_tls_throttled: 1;
  /* A response is being produced; a program that streams one clears it at the end. */
  unsigned int is_resp: 1;
  /* Found readable by the wait of this poll. */
  unsigned int is_readable: 1;
  /* Found writable by the wait of this poll. */
  unsigned int is_writable: 1;
  /* What packets are marked with, see `mg_dscp`. Writing it does nothing. */
  unsigned int dscp: 6;
};

/* A DNS server: its URL and the connection to it. */
struct mg_dns {
  /* URL of the server; not copied. */
  const char *url;
  /* Connection to it, made by the first lookup. */
  struct mg_connection *c;
};

/* A timer in a list. */
struct mg_timer {
  /* Interval in milliseconds. */
  uint64_t period_ms;
  /* When it fires next, in `mg_millis()` time; 0: not armed yet. */
  uint64_t expire;
  /* `MG_TIMER_*`. */
  unsigned int flags;
  /* Called when the timer fires. */
  void (*fn)(void *arg);
  /* Argument of `fn`. */
  void *arg;
  /* Next in the list. */
  struct mg_timer *next;
};

/* The wakeup channel. */
union mg_pipe {
  /* Not -1 while `mg_wakeup` works. */
  int fd;
  /* Unused on hosted systems. */
  void *q;
};

/* The event manager: all connections and timers of one event loop. */
struct mg_mgr {
  /* List of connections, newest first. */
  struct mg_connection *conns;
  /* IPv4 resolver. */
  struct mg_dns dns4;
  /* IPv6 resolver. */
  struct mg_dns dns6;
  /* The mDNS listener. */
  struct mg_connection *mdns;
  /* Milliseconds after which a DNS query fails. */
  int dnstimeout;
  /* Ask `dns6`, for AAAA records. */
  bool use_dns6;
  /* Id of the newest connection. */
  unsigned long nextid;
  /* Free for the program. */
  void *userdata;
  /* TLS state shared by all connections. */
  void *tls_ctx;
  /* Newest MQTT packet id. */
  uint16_t mqtt_id;
  /* Private. */
  void *active_dns_requests;
  /* Private. */
  void *active_mdns_requests;
  /* List of timers. */
  struct mg_timer *timers;
  /* Descriptor of the poller: readable when a poll has I/O to do. */
  int epoll_fd;
  /* Private. */
  struct mg_tcpip_if *ifp;
  /* Extra bytes after each connection, zeroed, for the program. */
  size_t extraconnsize;
  /* The wakeup channel. */
  union mg_pipe pipe;
};

/* A view of bytes: no ownership, not NUL-terminated; `buf` may be NULL when `len` is 0. */
struct mg_str {
  /* First byte. */
  char *buf;
  /* Number of bytes. */
  size_t len;
};

/* A WebSocket message: a view into the receive buffer, valid during the event only. */
struct mg_ws_message {
  /* The payload. */
  struct mg_str data;
  /* First byte of the frame; `flags & 15` is the opcode, `WEBSOCKET_OP_*`. */
  uint8_t flags;
};

/* TLS options: contents of PEM or DER files, never paths. Zero what is not needed. */
struct mg_tls_opts {
  /* Certificates of authorities. Client: verify the server; server: demand a client certificate. */
  struct mg_str ca;
  /* Own certificate, followed by intermediates. */
  struct mg_str cert;
  /* Private key of `cert`. */
  struct mg_str key;
  /* Client: name of the server, for SNI and verification; `*`: any. */
  struct mg_str name;
  /* Client: do not verify the server. */
  bool skip_verification;
};

/* A certificate, followed by intermediates, and its private key: contents as in `struct mg_tls_opts`.
 * An addition of this library.
 */
struct mg_tls_pair {
  /* The certificate. */
  struct mg_str cert;
  /* Its private key. */
  struct mg_str key;
};

/* What `mg_tls_start` takes. Zero what is not needed. An addition of this library. */
struct mg_tls_config {
  /* The same as for `mg_tls_init`. */
  struct mg_tls_opts opts;
  /* Server: further certificates. The client gets the first, `opts.cert` before these, that is for
   * the name that it asks for (SNI) and can sign in a way that it knows; else `opts.cert`.
   */
  const struct mg_tls_pair *pairs;
  /* How many. */
  size_t num_pairs;
  /* Protocols to agree on one of (ALPN, RFC 7301), the best first, with commas between:
   * `h2,http/1.1`. Empty: `http/1.1` on HTTP connections, else none.
   */
  struct mg_str alpn;
  /* Lists of revoked certificates, PEM or DER. If given, the peer's certificate must be covered. */
  struct mg_str crl;
  /* Server: what the authority says about `opts.cert`, an OCSP response in DER, for clients that
   * ask for it.
   */
  struct mg_str ocsp;
};

/* What the two sides of a TLS connection have agreed on; empty is not there. An addition of this
 * library.
 */
struct mg_tls_info {
  /* `TLSv1.2` or `TLSv1.3`. */
  struct mg_str version;
  /* The suite, such as `TLS_AES_128_GCM_SHA256`. */
  struct mg_str cipher;
  /* The group of the key exchange, such as `X25519`. */
  struct mg_str group;
  /* The protocol (ALPN). */
  struct mg_str alpn;
  /* Server: the host that the client asked for (SNI). */
  struct mg_str name;
  /* The subject of the peer's certificate, as text (RFC 4514). */
  struct mg_str peer_subject;
  /* Its other names, one in a line: `DNS:`, `IP:`, `email:` or `URI:` and the name. Names with
   * blanks or with bytes that are not printable ASCII are left out.
   */
  struct mg_str peer_names;
  /* The peer's certificate, in DER. */
  struct mg_str peer_cert;
  /* The session resumes an earlier one. */
  bool resumed;
};

/* An MQTT 5 property. */
struct mg_mqtt_prop {
  /* `MQTT_PROP_*`. */
  uint8_t id;
  /* Value of a number. */
  uint32_t iv;
  /* Key of a pair. */
  struct mg_str key;
  /* Value of text or bytes. */
  struct mg_str val;
};

/* Options of the MQTT functions. Each function looks at the fields it needs only.
 *
 * Nothing is kept: all bytes are copied before the function returns.
 */
struct mg_mqtt_opts {
  /* User name; empty: none. */
  struct mg_str user;
  /* Password; empty: none. */
  struct mg_str pass;
  /* Client id; empty: a random one. */
  struct mg_str client_id;
  /* Topic, filter, or topic of the will. */
  struct mg_str topic;
  /* Payload, or payload of the will. */
  struct mg_str message;
  /* Quality of service: 0, 1 or 2. */
  uint8_t qos;
  /* Protocol level: 0 or 4 for MQTT 3.1.1, 5 for MQTT 5. */
  uint8_t version;
  /* Seconds. */
  uint16_t keepalive;
  /* Not 0: publish again, with this packet id. */
  uint16_t retransmit_id;
  /* The server keeps the message. */
  bool retain;
  /* The server forgets earlier sessions. */
  bool clean;
  /* MQTT 5 properties; not looked at when `num_props` is 0. */
  struct mg_mqtt_prop *props;
  /* How many. */
  size_t num_props;
  /* MQTT 5 properties of the will. */
  struct mg_mqtt_prop *will_props;
  /* How many. */
  size_t num_will_props;
};

/* An MQTT packet: views into the receive buffer, valid during the event only. */
struct mg_mqtt_message {
  /* Topic of a PUBLISH. */
  struct mg_str topic;
  /* Payload of a PUBLISH. */
  struct mg_str data;
  /* The whole packet. */
  struct mg_str dgram;
  /* Packet id. */
  uint16_t id;
  /* `MQTT_CMD_*`. */
  uint8_t cmd;
  /* Quality of service. */
  uint8_t qos;
  /* Return code of a CONNACK. */
  uint8_t ack;
  /* Where the MQTT 5 properties begin in `dgram`. */
  size_t props_start;
  /* Bytes of MQTT 5 properties. */
  size_t props_size;
};

/* What `mg_dns_parse` finds in a DNS answer. */
struct mg_dns_message {
  /* Transaction id, in host byte order. */
  uint16_t txnid;
  /* `addr` is set. */
  bool resolved;
  /* The address. */
  struct mg_addr addr;
  /* The name, NUL-terminated. */
  char name[256];
};

/* Header of a DNS packet. All numbers are in network byte order. */
struct mg_dns_header {
  /* Transaction id. */
  uint16_t txnid;
  /* Flags. */
  uint16_t flags;
  /* Number of questions. */
  uint16_t num_questions;
  /* Number of answers. */
  uint16_t num_answers;
  /* Number of authority records. */
  uint16_t num_authority_prs;
  /* Number of additional records. */
  uint16_t num_other_prs;
};

/* A question or resource record of a DNS packet. All numbers are in host byte order. */
struct mg_dns_rr {
  /* Bytes of the name. */
  uint16_t nlen;
  /* `MG_DNS_RTYPE_*`. */
  uint16_t atype;
  /* Class. */
  uint16_t aclass;
  /* Bytes of data. */
  uint16_t alen;
};

/* A service that multicast DNS announces. */
struct mg_dnssd_record {
  /* Service and protocol, for example `_http._tcp`. */
  struct mg_str srvcproto;
  /* TXT data, verbatim: strings with a length byte each. */
  struct mg_str txt;
  /* Port, in host byte order. */
  uint16_t port;
};

/* A multicast DNS query. The handler of `MG_EV_MDNS_REQ` fills in the answer. */
struct mg_mdns_req {
  /* The question. */
  struct mg_dns_rr *rr;
  /* To be set by the handler for PTR, SRV and TXT. */
  struct mg_dnssd_record *r;
  /* The name asked for. */
  struct mg_str reqname;
  /* May be set by the handler: the host name to answer with. */
  struct mg_str respname;
  /* May be set by the handler: the address to answer with. */
  struct mg_addr *addr;
  /* All services are asked for. */
  bool is_listing;
  /* Send an answer; the handler may change it. */
  bool is_resp;
  /* The answer goes to the asker alone. */
  bool is_unicast;
};

/* A multicast DNS answer. */
struct mg_mdns_resp {
  /* The record. */
  struct mg_dns_rr *rr;
  /* The name it is about. */
  struct mg_str name;
  /* The address; for a service the host's, or 0.0.0.0 when that is not known, with the service's port. */
  struct mg_addr addr;
  /* The service, of an event whose record is PTR, SRV or TXT; else zeros. `txt` is valid during the
   * handler.
   */
  struct mg_dnssd_record sd;
};

/* A JSON-RPC method in a list. */
struct mg_rpc {
  /* Next in the list. */
  struct mg_rpc *next;
  /* Glob for the name of the method; owned by the list. */
  struct mg_str method;
  /* The method. */
  void (*fn)(struct mg_rpc_req *r);
  /* Free for the method. */
  void *fn_data;
};

/* Takes one character of formatted output. */
typedef void (*mg_pfn_t)(char ch, void *param);

/* A JSON-RPC request. Set `head`, `pfn`, `pfn_data` and `frame`, and zero the rest. */
struct mg_rpc_req {
  /* List of methods; may be NULL. */
  struct mg_rpc **head;
  /* Set by `mg_rpc_process` before it calls the method: the entry that matched. */
  struct mg_rpc *rpc;
  /* Takes the characters of the response. */
  mg_pfn_t pfn;
  /* Second argument of `pfn`. */
  void *pfn_data;
  /* Free for the program. */
  void *req_data;
  /* Text of the request. */
  struct mg_str frame;
};

/* A variable of the program. An array of these ends with an entry whose `name` is NULL. */
struct mg_field {
  /* Key in JSON. */
  const char *name;
  /* Type of the variable. */
  enum mg_val_type type;
  /* The variable. */
  void *value;
  /* Its size in bytes; 0: read-only. */
  size_t value_size;
};

/* Variables that are read and written together. */
struct mg_field_set {
  /* Key in JSON. */
  const char *name;
  /* The variables. */
  struct mg_field *fields;
  /* Called around reads and writes, may refuse by returning false; NULL: everything is allowed. */
  bool (*fn)(enum mg_dash_op op, struct mg_dash_user *user);
  /* Not NULL: the set is an array, and this is the element that `fn` is asked about. */
  int *index;
  /* Not NULL: the set is an array of files, and this gives their directory. */
  bool (*get_dir)(const struct mg_dash_user *user, char *buf, size_t len);
  /* Next in the list. */
  struct mg_field_set *next;
};

/* A handler of the program for URIs beyond those of the dashboard. */
struct mg_dash_custom_handler {
  /* Next in the list. */
  struct mg_dash_custom_handler *next;
  /* Glob for the URI. */
  struct mg_str uri_pattern;
  /* Called for requests that match. */
  mg_event_handler_t handler;
  /* Free for the handler. */
  void *handler_data;
};

/* A file system: ten functions. Programs may write their own. */
struct mg_fs {
  /* Type of a file as `MG_FS_*` flags, 0 if there is none; `size` and `mtime` may be NULL. */
  int (*st)(const char *path, size_t *size, time_t *mtime);
  /* Calls `fn` with the name of each entry of a directory. */
  void (*ls)(const char *path, void (*fn)(const char *name, void *param), void *param);
  /* Opens a file with `MG_FS_*` flags; NULL on failure. */
  void *(*op)(const char *path, int flags);
  /* Closes a file. */
  void (*cl)(void *fd);
  /* Reads at most `len` bytes; returns how many. */
  size_t (*rd)(void *fd, void *buf, size_t len);
  /* Writes `len` bytes; returns how many were written. */
  size_t (*wr)(void *fd, const void *buf, size_t len);
  /* Sets the position; returns the new one. */
  size_t (*sk)(void *fd, size_t offset);
  /* Renames. */
  bool (*mv)(const char *from, const char *to);
  /* Removes a file. */
  bool (*rm)(const char *path);
  /* Makes a directory. */
  bool (*mkd)(const char *path);
};

/* A dashboard. Zero it first; it must outlive its listener and connections. */
struct mg_dash {
  /* Field sets, printed in this order. */
  struct mg_field_set *sets;
  /* Handlers of the program. */
  struct mg_dash_custom_handler *custom_handlers;
  /* Returns the level of a user, 0 to refuse; may change `user`. NULL: everyone is a guest. */
  int (*authenticate)(char *user, size_t userlen, const char *pass);
  /* Seconds after which an idle session ends; 0: one hour. */
  int session_auto_expiration_seconds;
  /* The guest, when there is no `authenticate`. */
  struct mg_dash_user *guest;
  /* Where uploads go; NULL: `mg_fs_posix`. */
  struct mg_fs *upload_fs;
};

/* A user that is logged in. */
struct mg_dash_user {
  /* Next in the list. */
  struct mg_dash_user *next;
  /* Name. */
  char name[MG_DASH_MAX_USER_NAME];
  /* Session token. */
  char token[21];
  /* What `authenticate` returned. */
  int level;
  /* When the session ends, in `mg_millis()` time. */
  uint64_t expire;
  /* The dashboard. */
  struct mg_dash *dash;
};

/* Prints one `%M` argument: reads what it needs from `ap`, returns how many characters it printed. */
typedef size_t (*mg_pm_t)(mg_pfn_t out, void *arg, va_list *ap);

/* An open file. */
struct mg_fd {
  /* What `fs->op` returned. */
  void *fd;
  /* The file system it is from. */
  struct mg_fs *fs;
};

/* A file in memory. An array of these, ended by an entry of zeros, is a packed file system. */
struct mg_mem_file {
  /* Path, with a leading slash. */
  const char *path;
  /* Contents, with one NUL after them. */
  const unsigned char *data;
  /* Bytes of contents, without the NUL. */
  size_t size;
  /* When it was changed last. */
  time_t mtime;
};

/* A queue for one producer thread and one consumer thread. */
struct mg_queue {
  /* Memory of the queue. */
  char *buf;
  /* Bytes of memory. */
  size_t size;
  /* Where the consumer reads. */
  volatile size_t tail;
  /* Where the producer writes. */
  volatile size_t head;
};

/* One HTTP header. */
struct mg_http_header {
  /* Name, as sent. */
  struct mg_str name;
  /* Value without surrounding white space. */
  struct mg_str value;
};

/* An HTTP request or response: views into the receive buffer, valid during the event only. */
struct mg_http_message {
  /* Request method, or the protocol version of a response. */
  struct mg_str method;
  /* Request target up to `?`, or the status of a response. */
  struct mg_str uri;
  /* What follows `?`; `{NULL, 0}` without one. */
  struct mg_str query;
  /* Protocol version of a request, or the reason phrase of a response. */
  struct mg_str proto;
  /* Headers in order of arrival; the first unused one has an empty name. */
  struct mg_http_header headers[MG_MAX_HTTP_HEADERS];
  /* Body; a length of `(size_t) -1` means: not known. */
  struct mg_str body;
  /* Start line, headers and blank line. */
  struct mg_str head;
  /* Head and body. */
  struct mg_str message;
};

/* Options of `mg_http_serve_dir` and `mg_http_serve_file`. Zero what is not needed.
 *
 * The strings are read during the call only.
 */
struct mg_http_serve_opts {
  /* Directory; or a comma-separated list with `/prefix=directory` entries. */
  const char *root_dir;
  /* Glob for paths of files with server-side includes; NULL: none. */
  const char *ssi_pattern;
  /* Header lines to add, each ended by CR LF; or NULL. */
  const char *extra_headers;
  /* `extension=type` pairs, comma-separated, beyond the built-in ones; or NULL. */
  const char *mime_types;
  /* Path of a page for "404 Not Found"; or NULL. */
  const char *page404;
  /* File system; NULL: `mg_fs_posix`. Must live until the file is sent. */
  struct mg_fs *fs;
};

/* One part of a multipart body: views into the body. */
struct mg_http_part {
  /* Name of the form field. */
  struct mg_str name;
  /* Name of the file; empty if it is not a file. */
  struct mg_str filename;
  /* Contents. */
  struct mg_str body;
};

/* What a token is made of, and checked by. Zero what is not needed. */
struct mg_jwt_opts {
  /* Signing: the claims, one JSON object. */
  struct mg_str claims;
  /* Signing: more members of the header, without braces: `"cty":"JWT"`. */
  struct mg_str header;
  /* Signing: which key this is, for the header. */
  struct mg_str kid;
  /* HS256: the secret, which must not be empty. */
  struct mg_str secret;
  /* ES256, signing: 32 bytes, big-endian. */
  const uint8_t *private_key;
  /* ES256, verifying: 64 bytes, x and y, big-endian. */
  const uint8_t *public_key;
};

/* Values of a Modbus request: an array of `len` entries. */
union mg_modbus_values {
  /* Of coils and discrete inputs. */
  bool *bits;
  /* Of registers, in host byte order. */
  uint16_t *regs;
  /* Of `MG_MODBUS_FUNC_READ_DEVICE_ID`: room for `MG_MODBUS_TEXT_MAX` bytes. The handler writes a
   * text and sets `len`, which is 0, to its length; without the text of number 0 the answer is that
   * there is no such function. An addition of this library.
   */
  char *text;
};

/* A Modbus request. The handler of `MG_EV_MODBUS_REQ` reads or fills `u`. */
struct mg_modbus_req {
  /* `MG_MODBUS_FUNC_*`. */
  uint8_t func;
  /* To be set by the handler: `MG_MODBUS_ERR_*`, or another code. */
  uint8_t error;
  /* First address. */
  uint16_t addr;
  /* Values, owned by the library: set for writes, to be filled by the handler for reads. */
  union mg_modbus_values u;
  /* How many. */
  uint16_t len;
};

/* A setting that a program was compiled with, see `enum mg_setting`: a number, or a text. */
struct mg_option {
  /* `MG_SET_*`; 0 ends a table. */
  int setting;
  /* Its number. */
  int64_t value;
  /* Its text, of settings that are one; else NULL. */
  const char *text;
};

/* AES key schedule. */
struct aes_context {
  /* Encrypt or decrypt. */
  int mode;
  /* 10, 12 or 14. */
  int rounds;
  /* Round keys: a pointer into `buf`. */
  uint32_t *rk;
  /* Memory of the round keys. */
  uint32_t buf[68];
};

/* An elliptic curve. */
typedef const struct MG_UECC_Curve_t *MG_UECC_Curve;

/* Fills `dest` with `size` random bytes; returns 1, or 0 on failure. */
typedef int (*MG_UECC_RNG_Function)(uint8_t *dest, unsigned int size);

/* A hash function for deterministic signatures. */
struct MG_UECC_HashContext {
  /* Starts a hash. */
  void (*init_hash)(const struct MG_UECC_HashContext *context);
  /* Adds bytes. */
  void (*update_hash)(const struct MG_UECC_HashContext *context,
                      const uint8_t *message,
                      unsigned int message_size);
  /* Writes the digest. */
  void (*finish_hash)(const struct MG_UECC_HashContext *context, uint8_t *hash_result);
  /* Block size of the hash in bytes. */
  unsigned int block_size;
  /* Digest size in bytes. */
  unsigned int result_size;
  /* Scratch memory: 2 * result_size + block_size bytes. */
  uint8_t *tmp;
};

/* Number of words in a big integer. */
typedef int8_t wordcount_t;

/* Number of bits in a big integer. */
typedef int16_t bitcount_t;

/* Result of a comparison: negative, 0 or positive. */
typedef int8_t cmpresult_t;

/* A word of a big integer. */
typedef uint64_t mg_uecc_word_t;

/* What browsers want beside a file. Zero what is not needed.
 *
 * The strings are read during the call only.
 */
struct mg_http_web_opts {
  /* `MG_WEB_*`, added up. */
  int flags;
  /* Seconds for which a browser may remember that it is allowed to ask (CORS); 0: its default. */
  int cors_max_age;
  /* Origins whose pages may read the replies (CORS): `https://a.example,https://b.example:8443`, or
   * `*`; NULL: none.
   */
  const char *cors_origins;
  /* Methods that they may use beside GET, HEAD and POST: `PUT, DELETE`; or NULL. */
  const char *cors_methods;
  /* Headers that they may send beside the usual ones: `Authorization, X-Token`; NULL: any. */
  const char *cors_headers;
  /* `Content-Security-Policy` of pages; or NULL. */
  const char *content_policy;
  /* Lifetimes in caches: `PATTERN=SECONDS` pairs, comma-separated, for the path of the request;
   * the first that matches counts, 0 means: ask each time. NULL: nothing is said.
   */
  const char *lifetimes;
};

/* Wi-Fi settings. */
struct mg_wifi_data {
  /* Network to join. */
  char *ssid;
  /* Its password. */
  char *pass;
  /* Name of the own access point. */
  char *apssid;
  /* Its password. */
  char *appass;
  /* Its IPv4 address, in network order. */
  uint32_t apip;
  /* Its network mask. */
  uint32_t apmask;
  /* `MG_WIFI_SECURITY_*` of the network to join. */
  uint8_t security;
  /* `MG_WIFI_SECURITY_*` of the own access point. */
  uint8_t apsecurity;
  /* Channel of the own access point. */
  uint8_t apchannel;
  /* Be an access point. */
  bool apmode;
};

/* One network that a Wi-Fi scan found. */
struct mg_wifi_scan_bss_data {
  /* Name. */
  struct mg_str SSID;
  /* Address of the access point. */
  char *BSSID;
  /* Signal strength in dBm. */
  int16_t RSSI;
  /* `MG_WIFI_SECURITY_*`. */
  uint8_t security;
  /* Channel. */
  uint8_t channel;
  /* `MG_WIFI_BAND_*`. */
  unsigned int band: 2;
  /* Speaks 802.11n. */
  unsigned int has_n: 1;
  /* Speaks 802.11ac. */
  unsigned int has_ac: 1;
  /* Speaks 802.11ax. */
  unsigned int has_ax: 1;
};

/* A modem that is driven by AT commands. */
struct mg_tcpip_driver_atcmd_data {
  /* The serial port. */
  void *usart;
  /* Resets the modem. */
  void (*reset)(void *usart);
  /* Sends a byte. */
  void (*tx)(void *usart, uint8_t byte);
  /* Receives a byte. */
  int (*rx)(void *usart);
  /* Commands. */
  const char **script;
  /* Next command. */
  int script_index;
  /* Until when to wait for the answer. */
  uint64_t deadline;
  /* Do not escape bytes. */
  bool no_byte_stuff;
  /* The link is up. */
  bool link;
  /* Inside an escape. */
  bool unstuffing;
};

/* Access to the registers of an Ethernet PHY. */
struct mg_phy {
  /* Reads a register. */
  uint16_t (*read_reg)(uint8_t addr, uint8_t reg);
  /* Writes a register. */
  void (*write_reg)(uint8_t addr, uint8_t reg, uint16_t value);
};

/* State of an MD5 computation. */
struct mg_md5_ctx {
  /* The four words of state. */
  uint32_t buf[4];
  /* Bits hashed: low word, high word. */
  uint32_t bits[2];
  /* The block that is not full yet. */
  unsigned char in[64];
};

/* State of a SHA-1 computation. */
struct mg_sha1_ctx {
  /* The five words of state. */
  uint32_t state[5];
  /* Bits hashed: low word, high word. */
  uint32_t count[2];
  /* The block that is not full yet. */
  unsigned char buffer[64];
};

/* State of a SHA-256 computation. */
struct mg_sha256_ctx {
  /* The eight words of state. */
  uint32_t state[8];
  /* Bits hashed in full blocks. */
  uint64_t bits;
  /* Bytes in `buffer`. */
  uint32_t len;
  /* The block that is not full yet. */
  unsigned char buffer[64];
};

/* State of a SHA-384 computation. */
struct mg_sha384_ctx {
  /* The eight words of state. */
  uint64_t state[8];
  /* The block that is not full yet. */
  uint8_t buffer[128];
  /* Bits hashed in full blocks: high word, low word. */
  uint64_t bitlen[2];
  /* Bytes in `buffer`. */
  uint32_t datalen;
};


/* ---- `struct mg_mgr`: the event manager, its timers and its wakeup channel ---- */

/* Initialises an event manager.
 *
 * Overwrites the whole struct, whatever it held. A program may then set `dns4.url`, `dns6.url`,
 * `dnstimeout`, `use_dns6`, `userdata` and `extraconnsize`; URLs are not copied. The process
 * ignores SIGPIPE from now on. Several managers may live in one process, each in its own thread.
 *
 * Errors:
 * Without a descriptor for the poller `epoll_fd` is -1, and the log says why.
 *
 * Threads:
 * The thread that will poll.
 */
void mg_mgr_init(struct mg_mgr *mgr);

/* As `mg_mgr_init`, with the settings of a table that ends with setting 0. The header calls it where
 * a program sets macros such as `MG_MAX_RECV_SIZE`. Settings of the whole process are left out: those
 * are in the program's `mg_options`. An addition of this library.
 *
 * Threads:
 * The thread that will poll.
 */
void mg_mgr_init_with(struct mg_mgr *mgr, const struct mg_option *options);

/* Frees a manager: its timers without running them, then its connections, each with
 * `MG_EV_POLL` and `MG_EV_CLOSE`. Data that was not sent is lost.
 *
 * Timers that the program linked by itself without `MG_TIMER_AUTODELETE` are unlinked, not
 * released. Calling it twice is harmless, and so is `mg_mgr_init` afterwards.
 *
 * Threads:
 * The polling thread; no other thread may be in `mg_wakeup` on this manager.
 */
void mg_mgr_free(struct mg_mgr *mgr);

/* Runs one turn of the event loop: waits for I/O at most `ms` milliseconds, runs the timers that
 * are due, fires `MG_EV_POLL` on each connection, reads, writes, accepts and closes.
 *
 * 0 does not wait; a negative `ms` waits without limit. The wait ends early for I/O, for a timer,
 * for `mg_wakeup`, and for a signal. May be called inside a handler: connections that are in a
 * handler are then left alone.
 *
 * Threads:
 * One thread at a time; the manager and its connections belong to it.
 */
void mg_mgr_poll(struct mg_mgr *mgr, int ms);

/* Sets a function that is called before a poll of this manager sleeps, or removes it (NULL). An
 * addition of this library.
 *
 * It gets the milliseconds that the poll would sleep (negative: without limit; never 0) and returns
 * the milliseconds that it shall sleep. So it can release a lock around a wait of its own (on
 * `mgr->epoll_fd`, which is readable when there is I/O) and return 0, to let other threads use the
 * manager meanwhile; or keep the loop from sleeping.
 */
void mg_mgr_set_wait_fn(struct mg_mgr *mgr,
                        int (*fn)(struct mg_mgr *mgr, int ms, void *arg),
                        void *arg);

/* Opens the channel for `mg_wakeup`: adds an internal connection to the manager's list.
 *
 * Returns:
 * false when the channel is open already or could not be made.
 */
bool mg_wakeup_init(struct mg_mgr *mgr);

/* Sends a message to the connection with the given id: ends the wait of the poll, which fires
 * `MG_EV_WAKEUP` there with a `struct mg_str *`.
 *
 * The bytes are copied, of any length; messages of one thread arrive in order. An id that no
 * connection has is no error: the message vanishes.
 *
 * Returns:
 * false when the channel is not open, `id` is 0, or memory is exhausted.
 *
 * Threads:
 * Any thread, between `mg_wakeup_init` and `mg_mgr_free`.
 */
bool mg_wakeup(struct mg_mgr *mgr, unsigned long id, const void *buf, size_t len);

/* Adds a timer to a manager.
 *
 * `fn(arg)` runs inside `mg_mgr_poll`, every `milliseconds` with `MG_TIMER_REPEAT`, else once;
 * with `MG_TIMER_RUN_NOW` also at the first poll. The period starts at the first poll that sees
 * the timer. A timer that has fired for the last time is released. To stop one early:
 * `mg_timer_free(&mgr->timers, t); mg_free(t);`.
 *
 * Returns:
 * The timer, or NULL when memory is exhausted.
 */
struct mg_timer *mg_timer_add(struct mg_mgr *mgr,
                              uint64_t milliseconds,
                              unsigned int flags,
                              void (*fn)(void *arg),
                              void *arg);

/* Fills a timer in the caller's memory and puts it at the head of a list.
 *
 * The memory must stay until the timer is taken out of the list again.
 *
 * Threads:
 * The thread that polls the list.
 */
void mg_timer_init(struct mg_timer **head,
                   struct mg_timer *timer,
                   uint64_t milliseconds,
                   unsigned int flags,
                   void (*fn)(void *arg),
                   void *arg);

/* Takes a timer out of a list, also inside timer functions; releases nothing. A timer that is
 * not in the list is left alone.
 *
 * Threads:
 * The thread that polls the list.
 */
void mg_timer_free(struct mg_timer **head, struct mg_timer *timer);

/* One pass over a list of timers at the time `new_ms`, as `mg_mgr_poll` does for `mgr->timers`.
 *
 * Threads:
 * One thread at a time for each list.
 */
void mg_timer_poll(struct mg_timer **head, uint64_t new_ms);

/* A timer on a variable that starts at 0: true when `period` milliseconds have passed.
 *
 * The first call arms it. Late by up to one period it stays on its grid; later, missed ticks are
 * dropped.
 *
 * Threads:
 * Any thread, one at a time for each variable.
 */
bool mg_timer_expired(uint64_t *expiration, uint64_t period, uint64_t now);

/* ---- `struct mg_connection`: listening, connecting, sending, closing ---- */

/* Listens at a URL; `MG_EV_OPEN` fires before this returns.
 *
 * `udp:` URLs receive datagrams on the listener itself. Port 0 takes a free port: see `c->loc`.
 * `[::]` takes IPv4 peers too. Accepted connections inherit `fn`, `fn_data`, `pfn`, `pfn_data`.
 *
 * Returns:
 * The listener, or NULL: then the log says why.
 */
struct mg_connection *mg_listen(struct mg_mgr *mgr,
                                const char *url,
                                mg_event_handler_t fn,
                                void *fn_data);

/* Opens an outgoing connection: `mg_connect_svc` without a protocol handler. */
struct mg_connection *mg_connect(struct mg_mgr *mgr,
                                 const char *url,
                                 mg_event_handler_t fn,
                                 void *fn_data);

/* Opens an outgoing connection with a protocol handler `pfn`, which runs before `fn`.
 *
 * Returns at once; the connection is made during polls. `url` is needed during the call only.
 * Events: `MG_EV_OPEN` (with the URL), `MG_EV_RESOLVE`, `MG_EV_CONNECT`, or `MG_EV_ERROR` and
 * `MG_EV_CLOSE`. Some of them may fire before this returns. Data may be queued at once.
 *
 * Returns:
 * The connection, or NULL for an empty URL or without memory.
 */
struct mg_connection *mg_connect_svc(struct mg_mgr *mgr,
                                     const char *url,
                                     mg_event_handler_t fn,
                                     void *fn_data,
                                     mg_event_handler_t pfn,
                                     void *pfn_data);

/* Takes over a descriptor that the program opened; it is closed with the connection.
 *
 * `MG_EV_OPEN` fires before the connection is in the manager's list. Sockets, pipes and terminals
 * work; their flags stay as they are, and nothing blocks. `is_listening = 1` afterwards makes a
 * listening socket accept.
 *
 * Returns:
 * The connection, or NULL without memory.
 */
struct mg_connection *mg_wrapfd(struct mg_mgr *mgr, int fd, mg_event_handler_t fn, void *fn_data);

/* Makes a zeroed connection with an id, in no list and without a descriptor.
 *
 * Returns:
 * The connection, to be released by `mg_close_conn`, or NULL without memory.
 */
struct mg_connection *mg_alloc_conn(struct mg_mgr *mgr);

/* Binds a socket for a URL, listens on it unless it is UDP, and fills `c->loc` and `c->fd`.
 * Touches no list, no flag, and fires no event.
 *
 * Returns:
 * false when that failed: the log says why.
 */
bool mg_open_listener(struct mg_connection *c, const char *url);

/* Closes a connection now: unlinks it, closes its socket, fires `MG_EV_CLOSE`, releases it.
 * Setting `c->is_closing` does the same at the end of the connection's turn.
 *
 * Works in any handler, also of the same connection: its memory stays until the handler returns.
 */
void mg_close_conn(struct mg_connection *c);

/* Connects to `c->rem`, which the program has filled. */
void mg_connect_resolved(struct mg_connection *c);

/* Queues bytes to be sent (TCP), or sends them as one datagram to `c->rem` at once (UDP).
 *
 * The bytes are copied and may lie in `c->recv`. Allowed in any state: what is queued before the
 * connection is up goes out when it is. On an accepted TCP connection with nothing queued, 32 KiB and
 * more go to the socket at once, as far as it takes them, and the rest, 1,024 bytes or more, to `c->send`.
 * UDP fires `MG_EV_WRITE` before this returns.
 *
 * Returns:
 * false without memory (nothing was queued), and when a datagram could not be sent; unless the
 * socket was only busy, the connection then closes.
 */
bool mg_send(struct mg_connection *c,
             const void *data,
             size_t size);

/* Fires an event on a connection: `c->pfn`, then `c->fn`. Programs use it for events from
 * `MG_EV_USER` on.
 */
void mg_call(struct mg_connection *c, int ev, void *ev_data);

/* Restores `c->rem` from the copy of it at `from` (`sizeof(struct mg_addr)` bytes), so that the
 * next datagram goes to the group and not to the last sender.
 */
void mg_multicast_restore(struct mg_connection *c, uint8_t *from);

/* Listens for HTTP at a URL: `mg_listen` with the HTTP protocol handler.
 *
 * Accepted connections get `MG_EV_HTTP_HDRS` and `MG_EV_HTTP_MSG`.
 *
 * Returns:
 * The listener, or NULL: then the log says why.
 */
struct mg_connection *mg_http_listen(struct mg_mgr *mgr,
                                     const char *url,
                                     mg_event_handler_t fn,
                                     void *fn_data);

/* Connects for HTTP: `mg_connect` with the HTTP protocol handler. Sends nothing by itself: the
 * program writes the request, at once or at `MG_EV_CONNECT`.
 *
 * Returns:
 * The connection, or NULL for an empty URL or without memory.
 */
struct mg_connection *mg_http_connect(struct mg_mgr *mgr,
                                      const char *url,
                                      mg_event_handler_t fn,
                                      void *fn_data);

/* Marks what a connection sends with a code point of Differentiated Services (RFC 2474), 0 to 63:
 * `MG_DSCP_EF`, `MG_DSCP_AF(1, 1)`, `MG_DSCP_CS(5)`. An addition of this library.
 *
 * A connection without a socket yet is marked when it has one, before its first packet; accepted
 * connections take their listener's mark. The same as `mg_conn_set` with `MG_SET_DSCP`.
 *
 * Returns:
 * true; false when `dscp` is greater than 63 or the socket is none of IP, and nothing has changed.
 */
bool mg_dscp(struct mg_connection *c, uint8_t dscp);

/* ---- Settings of managers and connections: additions of this library ---- */

/* Changes a setting of a manager, see `enum mg_setting`: holds for listeners and connections made from
 * now on. Programs that set nothing get the behaviour of the original library. Settings of the whole
 * process may be changed with `mgr` NULL, too. An addition of this library.
 *
 * Returns:
 * false when there is no such setting, or the value makes no sense for it; nothing has changed.
 */
bool mg_mgr_set(struct mg_mgr *mgr,
                int setting,
                int64_t value);

/* Changes a setting of a manager that is a text, see `enum mg_setting`. The text is copied. An
 * addition of this library.
 *
 * Returns:
 * false when there is no such setting, or the text makes no sense for it; nothing has changed.
 */
bool mg_mgr_set_text(struct mg_mgr *mgr, int setting, const char *text);

/* Changes a setting of one connection, see `enum mg_setting`. Connections that a listener accepts from
 * now on inherit its settings. An addition of this library.
 *
 * Returns:
 * false when there is no such setting for connections, or the value makes no sense for it;
 * nothing has changed.
 */
bool mg_conn_set(struct mg_connection *c,
                 int setting,
                 int64_t value);

/* Reads a setting of a manager, see `enum mg_setting`, or a count: `MG_GET_MEMORY`, `MG_GET_ACCEPTED`.
 * An addition of this library.
 *
 * Returns:
 * -1 when there is no such setting, or it is a text or one of the whole process.
 */
int64_t mg_mgr_get(struct mg_mgr *mgr,
                   int what);

/* Bytes of memory that this process may use: the least of what the machine has, `RLIMIT_AS`, and the
 * limits of its control groups. `mg_mgr_harden` lets a manager hold a quarter. An addition of this
 * library.
 *
 * Returns:
 * 0 when nobody says.
 */
uint64_t mg_available_memory(void);

/* Gives a manager the limits of a server that strangers reach, for listeners and connections made from
 * now on: times and sizes for every protocol, strict HTTP and MQTT, TLS on what TLS listeners accept.
 * docs/reference/server-behaviour.md lists them; `mg_mgr_set` changes single ones afterwards. Of
 * connections, no more than the process may have descriptors for (`RLIMIT_NOFILE`). An addition of
 * this library.
 *
 * Returns:
 * false when `mgr` is NULL or was not initialised.
 */
bool mg_mgr_harden(struct mg_mgr *mgr);

/* As `mg_mgr_harden`, for one connection; what a listener accepts from now on inherits it. The limits
 * that only managers have, those of connections at once, are left as they are. An addition of this
 * library.
 *
 * Returns:
 * false when `c` is NULL or none of the library's.
 */
bool mg_conn_harden(struct mg_connection *c);

/* ---- HTTP: heads of messages ---- */

/* Parses the head of an HTTP request or response (RFC 9112).
 *
 * Fills `hm`, which is zeroed first, with views of `s`; nothing is copied or decoded, so `hm` is
 * of use as long as the bytes at `s` are. The body need not be there: `hm->body.len` is the length
 * that the head announces, `(size_t) -1` for a response that announces none. Headers for which
 * `hm->headers` has no room are examined and left out.
 *
 * Returns:
 * Length of the head: start line, headers and blank line, without the body. 0 when it is not
 * complete. -1 when it is malformed, or when it cannot be told where its body ends: a repeated
 * `Content-Length`, one that is not a number, one beside `Transfer-Encoding`.
 */
int mg_http_parse(const char *s, size_t len, struct mg_http_message *hm);

/* Searches the end of an HTTP head.
 *
 * Returns:
 * Length of the head with its blank line; 0 when the blank line is not there yet; -1 when a
 * control byte precedes it, so this is not HTTP.
 */
int mg_http_get_request_len(const unsigned char *buf, size_t buf_len);

/* Reads the status of a response.
 *
 * Returns:
 * The number at the start of `hm->uri`; 0 when there is none, as in a request.
 */
int mg_http_status(const struct mg_http_message *hm);

/* Finds a header by its name, ignoring case.
 *
 * Returns:
 * The value of the first such header, in `hm->headers`, where it may be changed; NULL when there
 * is none. Of a header for which `hm->headers` had no room, a view that the library keeps until the same
 * thread has asked for 64 others of this kind.
 */
struct mg_str *mg_http_get_header(struct mg_http_message *hm,
                                  const char *name);

/* Steps through all headers of a message, those included for which `hm->headers` had no room. An
 * addition of this library.
 *
 * Start with a position of 0, and pass on what the function returns until that is 0. `header` is filled
 * with views of the message.
 *
 * Returns:
 * Position for the next call; 0 when there is no further header, then `header` is empty.
 */
size_t mg_http_next_header(const struct mg_http_message *hm,
                           size_t position,
                           struct mg_http_header *header);

/* ---- HTTP replies and chunks ---- */

/* As `mg_http_reply`, with a `va_list`. An addition of this library.
 *
 * Errors:
 * `OOM` as `MG_EV_ERROR` without memory: then nothing was appended.
 */
void mg_http_vreply(struct mg_connection *c,
                    int status_code,
                    const char *headers,
                    const char *body_fmt,
                    va_list *ap);

/* As `mg_http_printf_chunk`, with a `va_list`. An addition of this library.
 *
 * Errors:
 * `OOM` as `MG_EV_ERROR` without memory: then nothing was appended.
 */
void mg_http_vprintf_chunk(struct mg_connection *cnn, const char *fmt, va_list *ap);

/* Appends one chunk of a chunked body to `c->send`: size, CR LF, `len` bytes at `buf`, CR LF.
 *
 * The head is the program's: `mg_printf(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")`.
 * `len` 0 is the last chunk, which ends the response. Clients send chunked requests with it, too.
 *
 * Errors:
 * `OOM` as `MG_EV_ERROR` without memory: then nothing was appended.
 */
void mg_http_write_chunk(struct mg_connection *c, const char *buf, size_t len);

/* Returns the `Connection` line, with CR LF, that a reply which the program formats itself on this
 * connection has to have; mostly "". `mg_http_reply` and `mg_http_serve_dir` add it by themselves.
 * An addition of this library.
 *
 * `Connection: keep-alive` confirms an HTTP/1.0 client's wish when `MG_SET_HTTP10_CLOSE` is on: without
 * it, such a client waits for the connection to close (RFC 9112, appendix C.2.2). `Connection: close`
 * announces the end after the last request of `MG_SET_HTTP_MAX_REQUESTS` (section 9.6) and, with
 * `MG_SET_HTTP_CLOSE_HEADER`, each other end that is known when the reply is made: the client asked for
 * it, or `c->is_draining` is set.
 *
 * Returns:
 * A static C string, never NULL.
 */
const char *mg_http_connection_header(struct mg_connection *c);

/* Returns the `Date` line, with CR LF, that a reply which the program formats itself on this connection
 * has to have; "" without `MG_SET_HTTP_DATE`. `mg_http_reply` adds it by itself. An addition of this
 * library.
 *
 * Returns:
 * A C string, never NULL, which holds until the same thread calls this function again.
 */
const char *mg_http_date_header(struct mg_connection *c);

/* Appends a whole reply to `c->send`: status line, `headers`, `Content-Length`, body.
 *
 * `headers` are complete lines, each with CR LF, and are sent as they are; NULL for none. The
 * body is formatted like by `mg_xprintf`: pass text that may hold a `%` by `"%s"`. Its length
 * takes 11 characters, digits and blanks. Replies with a status of 100 to 199, 204 or 304
 * have no body, and except for 304 no `Content-Length` (RFC 9110, section 8.6). Clears
 * `c->is_resp`: the request is answered.
 *
 * Errors:
 * `OOM` as `MG_EV_ERROR` without memory: then nothing was appended.
 */
void mg_http_reply(struct mg_connection *c,
                   int status_code,
                   const char *headers,
                   const char *body_fmt,
                   ...);

/* Appends one formatted chunk of a chunked body to `c->send`; see `mg_http_write_chunk` and,
 * for the format, `mg_xprintf`. The size takes 8 digits.
 *
 * An empty text is the last chunk, which ends the response: beware of
 * `mg_http_printf_chunk(c, "%s", text)` with an empty `text`.
 *
 * Errors:
 * `OOM` as `MG_EV_ERROR` without memory: then nothing was appended.
 */
void mg_http_printf_chunk(struct mg_connection *cnn, const char *fmt, ...);

/* ---- HTTP: static files ---- */

/* Answers a request by a file, or by the contents of a directory.
 *
 * `opts->root_dir` is a directory, or a list such as `./web,/logs=/var/log/app`: `/prefix=dir`
 * serves what is below `/prefix`, and the last entry that fits wins. The path of the request is
 * decoded and appended; one that would leave the root, with a NUL or a broken escape, is
 * answered by 400. Symbolic links are followed. Without a root there is nothing: 404.
 *
 * Directories are answered by `index.html` or `index.shtml`, or else by a page with their files;
 * without a slash at the end of the path by 301. Files are sent as by `mg_http_serve_file`; those
 * whose path matches `opts->ssi_pattern` with their includes in place.
 *
 * The options are needed during the call only, `opts->fs` until the file is sent. See
 * `mg_http_serve_file` for what happens meanwhile.
 */
void mg_http_serve_dir(struct mg_connection *c,
                       struct mg_http_message *hm,
                       const struct mg_http_serve_opts *opts);

/* Answers a request by the file at `path`, which is a path of the file system and taken as it is.
 *
 * The type is that of the extension, by `opts->mime_types` (`ext=type,ext2=type2`, `*` for all) or
 * built in. Answered are `HEAD`, `Range`, `If-Range`, `If-None-Match`; the tag of a file is its time
 * and size. Clients that take gzip get `path.gz` if there is one. When there is no such file,
 * `opts->page404` is sent, with status 200, or else 404. `opts` may be NULL.
 *
 * A long file goes out while the connection drains, in pieces: until then `c->is_resp` is 1 and
 * `c->pfn` belongs to the library. Should the file become shorter meanwhile, the connection closes.
 */
void mg_http_serve_file(struct mg_connection *c,
                        struct mg_http_message *hm,
                        const char *path,
                        const struct mg_http_serve_opts *opts);

/* As `mg_http_serve_dir`, and does what browsers want beside: CORS with its preflight requests,
 * security headers, lifetimes in caches, compressed variants. `web` NULL: nothing of that. An
 * addition of this library.
 */
void mg_http_serve_dir_web(struct mg_connection *c,
                           struct mg_http_message *hm,
                           const struct mg_http_serve_opts *opts,
                           const struct mg_http_web_opts *web);

/* As `mg_http_serve_file`, and does what browsers want beside; see `mg_http_serve_dir_web`. Of the
 * flags, those about roots and directories have no effect. An addition of this library.
 */
void mg_http_serve_file_web(struct mg_connection *c,
                            struct mg_http_message *hm,
                            const char *path,
                            const struct mg_http_serve_opts *opts,
                            const struct mg_http_web_opts *web);

/* Answers a CORS preflight request: a browser asks whether a page of another origin may send a
 * request. For replies that the program makes itself. An addition of this library.
 *
 * Returns:
 * true when this was one, and is answered.
 */
bool mg_http_web_preflight(struct mg_connection *c,
                           struct mg_http_message *hm,
                           const struct mg_http_web_opts *web);

/* Writes the header lines for browsers to `buf`, for the `headers` of `mg_http_reply`: CORS, `Vary`,
 * security headers. An addition of this library.
 *
 * Returns:
 * Length of the lines without the NUL; what does not fit into `len` bytes is left out as a whole,
 * and the result is not less than `len`.
 */
size_t mg_http_web_headers(struct mg_connection *c,
                           struct mg_http_message *hm,
                           const struct mg_http_web_opts *web,
                           char *buf,
                           size_t len);

/* Sends the page at `fullpath` with its includes in place: `<!--#include file="NAME" -->` from the
 * page's own directory, `<!--#include virtual="/PATH" -->` from below `root`. Included files may
 * include others, five deep. Includes that are missing, or would leave their directory, are empty.
 *
 * The reply has status 200 and type `text/html`, or status 404 without such a page.
 */
void mg_http_serve_ssi(struct mg_connection *c, const char *root, const char *fullpath);

/* ---- HTTP: uploads ---- */

/* Writes the body of a request to the file that its query names: `?file=NAME&offset=NUMBER`. Sends
 * a reply in any case: the new size of the file, or 400 and what is wrong.
 *
 * Long files come in pieces, one request each. Offset 0 begins a new file; another one has to be
 * the size of the file so far. The name may have directories, which have to exist below `dir`, and
 * cannot leave it.
 *
 * Returns:
 * The new size of the file; 0 for an empty body. -1: no `file`. -2: the name would leave `dir`.
 * -3: negative offset. -4: larger than `max_size`. -5: the offset is not the size of the file. -6:
 * the file cannot be opened. -7: it cannot be written, and is incomplete.
 */
long mg_http_upload(struct mg_connection *c,
                    struct mg_http_message *hm,
                    struct mg_fs *fs,
                    const char *dir,
                    size_t max_size);

/* Writes the body of a request to the file `dir/name` as it arrives, whatever its length. To be
 * called at `MG_EV_HTTP_HDRS`.
 *
 * From then on the connection belongs to the upload: `c->fn` gets no more events. `fn` is called
 * once, with NULL when the file is complete and closed, else with what went wrong; it sends the
 * reply and sets `c->is_draining`. NULL for `fn`: the reply is 200 or 500. When the upload cannot
 * be started (`bad name`, `open failed`), `fn` is called at once, and the connection stays as it is.
 *
 * A file of that name is replaced. Of an upload that is cut off, the whole blocks of 512 bytes stay.
 * Chunked bodies are decoded. `name` cannot leave `dir`; `fs` NULL is `mg_fs_posix`, and has to
 * live until `fn` is called.
 */
void mg_http_start_upload(struct mg_connection *c,
                          struct mg_http_message *hm,
                          struct mg_str name,
                          struct mg_str dir,
                          struct mg_fs *fs,
                          void (*fn)(struct mg_connection *c, const char *err));

/* Updates the firmware with the body of a request, as it arrives. To be called at
 * `MG_EV_HTTP_HDRS`, with `mg_ota_begin`, `mg_ota_write` (in multiples of 512 bytes, but for the last
 * piece) and `mg_ota_end`, which on a host do nothing.
 *
 * From then on the connection belongs to the update: `c->fn` gets no more events. `fn` is called
 * once, with NULL when all is written, else with what went wrong: `ota begin failed` or `OTA needs a
 * Content-Length` (at once; the connection stays as it is), `write error`, `OTA finalize failed`,
 * `connection closed`, or the text of an `MG_EV_ERROR`. NULL for `fn`: the reply is 200 or 500, and
 * the connection drains.
 */
void mg_http_start_ota(struct mg_connection *c,
                       struct mg_http_message *hm,
                       void (*fn)(struct mg_connection *c, const char *err));

/* ---- HTTP: variables of forms, parameters of header values ---- */

/* Finds a variable in a query string or form body such as `a=1&b=2`, ignoring case.
 *
 * Returns:
 * A view of the value within `buf`, not decoded; `{NULL, 0}` when there is no such variable. The
 * first one counts; a name without `=` has an empty value.
 */
struct mg_str mg_http_var(struct mg_str buf, struct mg_str name);

/* Finds a variable in a query string or form body, and decodes it into `dst`.
 *
 * `+` becomes a space, `%XX` a byte. `dst` has room for `dst_len` bytes, the NUL included.
 *
 * Returns:
 * Length of the value; it may contain NUL bytes. -1: `buf` is empty, or `name` is NULL. -2: `dst`
 * is NULL or `dst_len` is 0. -3: bad `%` escape, or `dst` too small. -4: no such variable.
 */
int mg_http_get_var(const struct mg_str *buf, const char *name, char *dst, size_t dst_len);

/* Finds a parameter in a header value such as `form-data; name="a b"; filename=c`.
 *
 * The name is compared with its case, as for cookies; see `mg_http_header_param`. It has to be a whole
 * name outside of quoted values, followed by `=`. A quote that is never closed, or is within a
 * value, is a character like others (RFC 6265).
 *
 * Returns:
 * A view of the value within `s`, without its quotes; `{NULL, 0}` when there is no such parameter.
 */
struct mg_str mg_http_get_header_var(struct mg_str s,
                                     struct mg_str v);

/* Finds a parameter of a header such as `Content-Type` or `Content-Disposition`, whose names have no
 * case (RFC 9110, section 5.6.6). Blanks and line folds may surround the `=`, and `\"` is a quote within
 * a quoted value. An addition of this library.
 *
 * Returns:
 * The value without its quotes; `{NULL, 0}` when there is no such parameter. A view of `s`; where a
 * backslash had to be taken out, a text that the library keeps until the same thread has got sixteen
 * others, of at most 4096 bytes.
 */
struct mg_str mg_http_header_param(struct mg_str s,
                                   struct mg_str name);

/* ---- HTTP: credentials ---- */

/* Finds the credentials of a request.
 *
 * Fills `user` and `pass`, which have room for `userlen` and `passlen` bytes, NUL included; what
 * is longer is cut. The first of these counts: `Authorization: Basic`; `Authorization: Bearer`,
 * then the token is the password; a cookie `access_token`; a query variable `access_token`. Both
 * are empty when there are none.
 */
void mg_http_creds(struct mg_http_message *hm,
                   char *user,
                   size_t userlen,
                   char *pass,
                   size_t passlen);

/* Queues the header line `Authorization: Basic ...` for a request (RFC 7617).
 *
 * NULL counts as empty; without user and password the line has no credentials. Nothing is queued
 * when memory is exhausted.
 */
void mg_http_bauth(struct mg_connection *c, const char *user, const char *pass);

/* ---- HTTP: multipart bodies ---- */

/* Finds the next part of a `multipart/form-data` body (RFC 7578).
 *
 * Start with an offset of 0, and pass on what the function returns until that is 0. `part` may be
 * NULL; else it is filled with views of `body`, in which a missing name is `{NULL, 0}`. A name with `\"`
 * in it, or a file name that only `filename*` tells (RFC 8187), is decoded: a text that the library keeps
 * until the same thread has got sixteen others, of at most 4096 bytes.
 *
 * The first line of the body is treated as the delimiter; when it is none, the first line that begins with
 * `--` and comes again. Blanks after a delimiter, and header lines that are folded, are understood (RFC
 * 2046, section 5.1.1).
 *
 * Returns:
 * Offset for the next call; 0 when there is no further part, or the next one is malformed or not
 * complete.
 */
size_t mg_http_next_multipart(struct mg_str body,
                              size_t offset,
                              struct mg_http_part *part);

/* ---- HTTP: entity tags ---- */

/* Writes the entity tag of a file, `"MTIME.SIZE"` with the quotes, and a NUL to `buf`, which has
 * room for `len` bytes; what is longer is cut.
 *
 * File serving sends this as `Etag`, and answers 304 to a request whose `If-None-Match` names it.
 *
 * Returns:
 * `buf`.
 */
char *mg_http_etag(char *buf, size_t len, size_t size, time_t mtime);

/* ---- WebSocket: connecting, upgrading, sending ---- */

/* As `mg_ws_connect`, with a `va_list`. An addition of this library. */
struct mg_connection *mg_ws_vconnect(struct mg_mgr *mgr,
                                     const char *url,
                                     mg_event_handler_t fn,
                                     void *fn_data,
                                     const char *fmt,
                                     va_list *ap);

/* As `mg_ws_upgrade`, with a `va_list`. An addition of this library. */
void mg_ws_vupgrade(struct mg_connection *c,
                    struct mg_http_message *hm,
                    const char *fmt,
                    va_list *ap);

/* Appends a frame with `len` bytes at `buf` to `c->send`.
 *
 * `op` is `WEBSOCKET_OP_*`; the frame is whole (FIN). Clients mask. Programs that send a message in
 * fragments use `mg_ws_send_frame`, or clear FIN by writing the opcode over the frame's first byte:
 * `c->send.buf[old_len] = op`. The latter does not go with `MG_SET_WS_DEFLATE`.
 *
 * Returns:
 * Bytes of the frame, header included; 0, with nothing appended, without memory.
 */
size_t mg_ws_send(struct mg_connection *c, const void *buf, size_t len, int op);

/* Turns the last `len` bytes of `c->send` into a frame: for messages whose length is not known
 * beforehand. Print first, wrap last.
 *
 * Returns:
 * `c->send.len` afterwards; 0, with nothing changed, without memory or with fewer bytes queued.
 */
size_t mg_ws_wrap(struct mg_connection *c, size_t len, int op);

/* As `mg_ws_printf`, with a `va_list`. */
size_t mg_ws_vprintf(struct mg_connection *c, int op, const char *fmt, va_list *ap);

/* Connects as a WebSocket client: `mg_connect`, and queues the upgrade request.
 *
 * `fmt` produces further header lines, each with CR LF; NULL for none. `MG_EV_WS_OPEN` fires
 * when the server has accepted, `MG_EV_ERROR` "ws handshake error" when not, or when it chose a
 * sub-protocol or an extension that `fmt` did not offer. For `wss://` the
 * program calls `mg_tls_init` in `MG_EV_CONNECT`. RFC 6455, section 4.1.
 *
 * Returns:
 * The connection, or NULL for an empty URL, one with line breaks, or without memory.
 */
struct mg_connection *mg_ws_connect(struct mg_mgr *mgr,
                                    const char *url,
                                    mg_event_handler_t fn,
                                    void *fn_data,
                                    const char *fmt,
                                    ...);

/* Accepts the upgrade request `hm` of a client, in `MG_EV_HTTP_MSG`; `MG_EV_WS_OPEN` fires
 * before this returns, and from now on `MG_EV_WS_MSG` and `MG_EV_WS_CTL`.
 *
 * `fmt` produces further header lines, each with CR LF; NULL for none. Unless they name a
 * sub-protocol, the first one that the client offers is taken. A request that is no upgrade (`GET`,
 * HTTP/1.1, `Connection: upgrade`, `Upgrade: websocket`, a key) is answered with 426, 405 or 400, and
 * the connection closes. RFC 6455, section 4.2.
 */
void mg_ws_upgrade(struct mg_connection *c,
                   struct mg_http_message *hm,
                   const char *fmt,
                   ...);

/* Formats a message and appends it to `c->send` as one frame; see `mg_ws_send`, `mg_printf`.
 *
 * Returns:
 * Bytes of the message, without the frame's header; 0 also without memory.
 */
size_t mg_ws_printf(struct mg_connection *c, int op, const char *fmt, ...);

/* ---- WebSocket: fragments, closing, broadcast ---- */

/* Additions of this library. */

/* Appends one frame of a message that is sent in several: the first with its opcode, the others with
 * `WEBSOCKET_OP_CONTINUE`, the last with `fin`. Only control frames may come in between. Such a
 * message is not compressed. RFC 6455, section 5.4. An addition of this library.
 *
 * Returns:
 * Bytes of the frame, header included; 0, with nothing appended, without memory.
 */
size_t mg_ws_send_frame(struct mg_connection *c, const void *buf, size_t len, int op, bool fin);

/* Starts to close a WebSocket: appends a close frame with a code and a reason. The connection closes
 * when the peer has answered; `MG_SET_WS_CLOSE_TIMEOUT` limits how long that may take. An addition of
 * this library.
 *
 * `code` is one that RFC 6455, section 7.4, allows to be sent (1000: done; 1001: going away; 4000
 * to 4999: the program's own), or 0 for a frame without code and reason. `reason` is UTF-8, or
 * NULL; what exceeds 123 bytes is cut off.
 *
 * Returns:
 * false, with nothing appended, when a close frame was sent before, for a code or reason that may
 * not be sent, and without memory.
 */
bool mg_ws_close(struct mg_connection *c, int code, const char *reason);

/* Reads the code, and the reason if `reason` is not NULL, of a close frame at `MG_EV_WS_CTL`. The
 * reason is a view into the message, empty when there is none. An addition of this library.
 *
 * Returns:
 * The code; 1005 for a close frame without one (RFC 6455, section 7.1.5); 0 for any other message.
 */
int mg_ws_close_code(const struct mg_ws_message *wm, struct mg_str *reason);

/* Sends a message to all open WebSocket connections of a manager that `filter` (NULL: all) returns
 * true for. The frame is made once; connections that need their own, clients and those that compress,
 * get their own. An addition of this library.
 *
 * `filter` may change and close connections. `op` is `WEBSOCKET_OP_*`. Connections that are
 * closing or draining, or that a close frame was sent on, are left out.
 *
 * Returns:
 * The number of connections that the message was queued for.
 */
size_t mg_ws_broadcast(struct mg_mgr *mgr,
                       const void *buf,
                       size_t len,
                       int op,
                       bool (*filter)(struct mg_connection *c, void *arg),
                       void *arg);

/* ---- TLS on connections ---- */

/* Begins TLS on a connection, as a client if `c->is_client`, else as a server.
 *
 * To be called in `MG_EV_CONNECT` or right after `mg_connect`, in `MG_EV_ACCEPT`, or later on a
 * connection whose protocol turns to TLS. The handshake runs in the poll and ends with
 * `MG_EV_TLS_HS`. What is in `c->send`, and what is queued meanwhile, is sent encrypted after it.
 * A session that the connection has is dropped. On a listener it is for connections that inherit
 * it (`MG_SET_TLS_INHERIT`): later options replace the earlier ones if they are right; else those
 * stay, and `MG_EV_ERROR` says what is wrong (the listener does not close). Everything is copied; NULL is the same as options that are all
 * empty.
 *
 * Without `ca` a client believes any server that carries `name`, if that is given; with it, and
 * without `skip_verification`, the certificate must lead to one in `ca`, be valid now, and carry
 * `name`, or without that the host of the connection's URL if its scheme means TLS. `name` `*` is
 * any name. A server with `ca` demands a certificate of its clients. RFC 5280, RFC 6125.
 *
 * Errors:
 * `MG_EV_ERROR`, and the connection closes: what is wrong in words when certificate or key cannot
 * be read or do not belong together, "TLS is not enabled" in a library without TLS; later
 * "tls hs: REASON" when the handshake fails, "failed to verify hostname" when only the name was
 * asked for and is another.
 */
void mg_tls_init(struct mg_connection *c,
                 const struct mg_tls_opts *opts);

/* Begins TLS like `mg_tls_init`, with more options, and says what is wrong with them. An addition
 * of this library.
 *
 * A listener that has a certificate is given another in this way: connections that it accepts from
 * now on use it (with `MG_SET_TLS_INHERIT`). Connections of a manager that begin with equal options
 * share what was read from them. Everything is copied. RFC 7301 for `alpn`, RFC 6066 for names
 * and `ocsp`, RFC 5280 for `crl`.
 *
 * Returns:
 * NULL, or what is wrong, a text that stays: then nothing has changed, and there is no event.
 */
const char *mg_tls_start(struct mg_connection *c, const struct mg_tls_config *config);

/* Tells what the two sides of a TLS connection have agreed on, and who the peer says it is: it was
 * verified if this side has `ca`. The texts stay until TLS begins anew or the connection closes;
 * they do not end in NUL. An addition of this library.
 *
 * Returns:
 * false without TLS or before `MG_EV_TLS_HS`; everything is empty then.
 */
bool mg_tls_get_info(struct mg_connection *c, struct mg_tls_info *info);

/* Drops a connection's TLS session; `c->tls` becomes NULL. The loop does that after
 * `MG_EV_CLOSE`. A connection that loses its session while it is open closes.
 */
void mg_tls_free(struct mg_connection *c);

/* Goes on with the handshake, as the poll does by itself. May fire `MG_EV_TLS_HS` or
 * `MG_EV_ERROR`.
 */
void mg_tls_handshake(struct mg_connection *c);

/* Takes up to `len` decrypted bytes, past `c->recv`. Does not read from the socket.
 *
 * Returns:
 * How many; `MG_IO_WAIT` when there are none yet; `MG_IO_ERR` when there will be no more.
 */
long mg_tls_recv(struct mg_connection *c, void *buf, size_t len);

/* Encrypts and sends bytes, past `c->send`.
 *
 * Returns:
 * How many were taken; `MG_IO_WAIT` during the handshake and when the socket is busy; else
 * `MG_IO_ERR`.
 */
long mg_tls_send(struct mg_connection *c, const void *buf, size_t len);

/* Tells how many decrypted bytes wait to be delivered. */
size_t mg_tls_pending(struct mg_connection *c);

/* Sends encrypted bytes that the socket has not taken yet, as the poll does by itself. */
void mg_tls_flush(struct mg_connection *c);

/* Does nothing: what connections share is in the manager. */
void mg_tls_ctx_init(struct mg_mgr *_mgr);

/* Does nothing: what connections share is in the manager. */
void mg_tls_ctx_free(struct mg_mgr *_mgr);

/* ---- MQTT: connecting, listening, sending, parsing ---- */

/* Connects to an MQTT broker and queues CONNECT, as `mg_mqtt_login` does.
 *
 * Default ports are 1883, and 8883 for `mqtts://`; what follows the port in the URL is ignored.
 * `opts` is needed during the call only; NULL: MQTT 3.1.1, a random client id, no credentials, no
 * will. Set `clean` with a random id: the broker may keep the session of a client that will never
 * come back.
 *
 * `MG_EV_MQTT_OPEN` fires when the broker has answered; its data is an `int *`, the return code. If
 * that is not 0, the connection closes. `MG_EV_MQTT_MSG` fires for each message, `MG_EV_MQTT_CMD`
 * for each packet, messages included; their data is a `struct mg_mqtt_message *`. Messages are
 * acknowledged before these events. Packets may be queued at once.
 *
 * Nothing is sent again and nothing is kept alive by itself, unless settings ask for that; `mg_mgr_set`
 * before this function, or `mg_conn_set` on its result, before the next poll:
 *
 * - `MG_SET_MQTT_PONG_TIMEOUT`: sends PINGREQ, and fails without PINGRESP.
 * - `MG_SET_MQTT_RECONNECT`: a connection that was lost, or refused, is opened again, and logs in. It stays
 * this very `struct mg_connection`: `MG_EV_MQTT_DISCONNECTED` takes the place of `MG_EV_CLOSE`, and
 * until the next attempt `c->is_resolving` is set, without a socket. Messages with QoS 1 and 2 are
 * kept until they are acknowledged, and then sent again: PUBLISH with DUP, or PUBREL. Those of QoS 0, and
 * subscriptions, are kept while there is no connection. Subscriptions are made again when the server
 * did not keep the session. The limits of an MQTT 5 server's CONNACK count; messages wait for its
 * receive maximum. The connection ends when the program sets `is_closing` or `is_draining`, or calls
 * `mg_mqtt_disconnect` or `mg_close_conn`, and when another client has taken the session over (MQTT 5).
 *
 * Set `MG_SET_CONNECT_TIMEOUT` and `MG_SET_HANDSHAKE_TIMEOUT` with it, so that no attempt takes for ever.
 *
 * Returns:
 * The connection, or NULL for an empty URL or without memory.
 */
struct mg_connection *mg_mqtt_connect(struct mg_mgr *mgr,
                                      const char *url,
                                      const struct mg_mqtt_opts *opts,
                                      mg_event_handler_t fn,
                                      void *fn_data);

/* Listens for MQTT clients: what a broker is made of.
 *
 * Each packet of a client fires `MG_EV_MQTT_CMD`, a message `MG_EV_MQTT_MSG` before it. Messages are
 * acknowledged by themselves; everything else (CONNACK, SUBACK, subscriptions, `mg_mqtt_pong`) is
 * the program's. A broker that speaks MQTT 5 sets `c->is_mqtt5` when it has seen CONNECT; without
 * that, the properties of messages are part of their payload.
 *
 * Returns:
 * The listener, or NULL: then the log says why.
 */
struct mg_connection *mg_mqtt_listen(struct mg_mgr *mgr,
                                     const char *url,
                                     mg_event_handler_t fn,
                                     void *fn_data);

/* Queues CONNECT and sets `c->is_mqtt5` by `version`. NULL `opts` have all fields 0.
 *
 * Of `opts` it takes `user`, `pass`, `client_id` (empty: random), `version` (0: 4), `keepalive`,
 * `clean`, and for MQTT 5 `props`. A `topic` makes a will of `topic`, `message`, `qos`, `retain` and
 * `will_props`. On a WebSocket, call `mg_ws_wrap` for what this and the functions below append.
 *
 * Errors:
 * As all functions here that queue a packet: `MG_EV_ERROR` and nothing queued without memory ("OOM"),
 * for a topic, name or property of more than 65,535 bytes ("MQTT string too long"), and for a packet
 * of more than 256 MiB ("MQTT packet too long"). NULL for `c` does nothing.
 */
void mg_mqtt_login(struct mg_connection *c, const struct mg_mqtt_opts *opts);

/* Queues PUBLISH: `message` to `topic` with `qos`, `retain`, and for MQTT 5 `props`. See
 * `mg_mqtt_login` for errors.
 *
 * With `retransmit_id` the message is sent again: it gets that packet id, and DUP. A new one gets
 * the next id of `c->mgr->mqtt_id`. A QoS of 3 is sent as 2.
 *
 * Returns:
 * The packet id. It comes back in `MG_EV_MQTT_CMD`: in PUBACK for QoS 1, in PUBREC and PUBCOMP for
 * QoS 2. For QoS 0 `retransmit_id`; 0 when nothing was queued.
 *
 * With `MG_SET_MQTT_RECONNECT` 0 for QoS 0, and `errno` says whether the message is kept: 0; `ENOBUFS`: the
 * queue is full; `EMSGSIZE`: longer than MQTT or the server allows; `EOPNOTSUPP`: the server has no such
 * QoS, or retains nothing; `EINVAL`: a topic alias that has no topic yet. `MG_EV_ERROR`, which does not
 * close, tells of a kept message that the server refuses.
 */
uint16_t mg_mqtt_pub(struct mg_connection *c,
                     const struct mg_mqtt_opts *opts);

/* Queues SUBSCRIBE to the filter `topic` with `qos`, and for MQTT 5 `props`. Its packet id is
 * `c->mgr->mqtt_id` afterwards, and that of the SUBACK. See `mg_mqtt_login` for errors.
 */
void mg_mqtt_sub(struct mg_connection *c, const struct mg_mqtt_opts *opts);

/* Queues UNSUBSCRIBE from the filter `topic`, for MQTT 5 with `props`. As `mg_mqtt_sub`. */
void mg_mqtt_unsub(struct mg_connection *c, const struct mg_mqtt_opts *opts);

/* Queues DISCONNECT, for MQTT 5 with `props`; NULL `opts` have none. The connection stays: the
 * broker closes it, or the program sets `c->is_draining`. See `mg_mqtt_login` for errors.
 */
void mg_mqtt_disconnect(struct mg_connection *c, const struct mg_mqtt_opts *opts);

/* How many messages a client of `mg_mqtt_connect` keeps with `MG_SET_MQTT_RECONNECT`: those that wait to
 * be sent, and those that the server has not acknowledged. 0 for other connections. An addition of this
 * library.
 */
size_t mg_mqtt_queued(struct mg_connection *c);

/* Queues a fixed header: what follows it, `len` bytes, is sent by `mg_send`. For packets that have no
 * function of their own, such as CONNACK and SUBACK. See `mg_mqtt_login` for errors.
 */
void mg_mqtt_send_header(struct mg_connection *c, uint8_t cmd, uint8_t flags, uint32_t len);

/* Queues PINGREQ. A client sends one from a timer, sooner than its `keepalive`. */
void mg_mqtt_ping(struct mg_connection *c);

/* Queues PINGRESP, a broker's answer to PINGREQ. */
void mg_mqtt_pong(struct mg_connection *c);

/* Parses the packet at the start of `len` bytes at `buf` into `m`; its views point to `buf`.
 *
 * `version` 5: a PUBLISH has properties. `m->dgram.len` says where the next packet starts.
 *
 * Returns:
 * `MQTT_OK`, `MQTT_INCOMPLETE` when bytes are missing, or `MQTT_MALFORMED`. MQTT 3.1.1 and 5.0,
 * chapter 2.
 *
 * Threads:
 * Any.
 */
int mg_mqtt_parse(const uint8_t *buf, size_t len, uint8_t version, struct mg_mqtt_message *m);

/* Reads the MQTT 5 property at `ofs` of a PUBLISH into `prop`. Start with 0, and pass the result.
 *
 * `iv` is the value of a number, `val` that of text and bytes; a user property has `key`, too. They
 * point to the packet. The rest is 0.
 *
 * Returns:
 * Where the next property starts; 0 at the end, and for what is no property.
 *
 * Threads:
 * Any.
 */
size_t mg_mqtt_next_prop(struct mg_mqtt_message *msg, struct mg_mqtt_prop *prop, size_t ofs);

/* ---- DNS packets ---- */

/* Reads the question or resource record at `ofs` of a DNS packet (RFC 1035).
 *
 * `*rr` gets the numbers in host byte order, or zeros on error; for questions `alen` is 0. The
 * data of a record are the `rr->alen` bytes before the end of what was read.
 *
 * Returns:
 * The bytes of the record; 0 if `len` is less than 12 or more than 512, or on a malformed record.
 *
 * Threads:
 * Any.
 */
size_t mg_dns_parse_rr(const uint8_t *buf,
                       size_t len,
                       size_t ofs,
                       bool is_question,
                       struct mg_dns_rr *rr);

/* Reads a DNS packet (RFC 1035): the name in it and, of an answer, the first address.
 *
 * `*dm` is filled: `txnid` and `name` always, `addr` if `resolved`. Up to ten answers are looked
 * at. A query and an answer without an address are fine, with `resolved` false; the response code
 * is not looked at.
 *
 * Returns:
 * false if the packet is malformed, shorter than 12 or longer than 512 bytes, or has more than
 * one question.
 *
 * Threads:
 * Any.
 */
bool mg_dns_parse(const uint8_t *buf, size_t len, struct mg_dns_message *dm);

/* Makes sure that the connection to a DNS server exists: opens `dns->url` if `dns->c` is NULL.
 *
 * Returns:
 * false when the connection cannot be made.
 */
bool mg_dnsc_init(struct mg_mgr *mgr, struct mg_dns *dnsc);

/* Looks up the host of a URL for a connection, as `mg_connect` does: `MG_EV_RESOLVE` with the
 * address in `c->rem`, then it connects. A connection that has a socket already, such as a
 * listener, only learns the address, or the error.
 *
 * Addresses, `localhost` and an empty host need no lookup: `MG_EV_RESOLVE` fires before this
 * returns; so it does for names in `localhost` (RFC 6761). Names in `.local` are asked for by
 * multicast DNS, all others at `mgr->dns4` (type A), and if that has none, at `mgr->dns6` (type
 * AAAA); with `mgr->use_dns6` only there. A program that sets only one of the two has no other server
 * asked. While both URLs are the defaults, `/etc/hosts` and `/etc/resolv.conf` (`nameserver`,
 * `search`, `domain`, `options ndots rotate`) count instead.
 *
 * Of several addresses the next one is tried when connecting fails or has taken 250 milliseconds;
 * the first to succeed counts (RFC 8305). When all of type A fail, those of type AAAA are asked for.
 *
 * Errors:
 * `MG_EV_ERROR` with one of: "DNS timeout" (`mgr->dnstimeout` milliseconds), "NAME DNS lookup
 * failed", "resolver" (the URL of the server has no address), "DNS error" (the connection to the
 * server closed); "mDNS timeout" (500 milliseconds), "mDNS send", "mDNS listener error", "no mDNS
 * listener, see mg_mdns_listen()".
 */
void mg_resolve(struct mg_connection *c, const char *url);

/* Forgets the lookups of a connection; no event fires. */
void mg_resolve_cancel(struct mg_connection *c);

/* Listens for multicast DNS on 224.0.0.251:5353, and answers for the host name `fn_data` (a C
 * string without `.local`, which outlives the listener; NULL for none).
 *
 * `fn` may be NULL; it gets `MG_EV_MDNS_REQ`, where it may fill in the answer, and
 * `MG_EV_MDNS_RESP` for each address in a response. Without it, queries for the host's address are
 * answered with the address of the interface they came in on. Names that end in `.local` are looked
 * up through the newest listener, `mgr->mdns`. RFC 6762, RFC 6763.
 *
 * Returns:
 * The listener, or NULL: then the log says why.
 */
struct mg_connection *mg_mdns_listen(struct mg_mgr *mgr, mg_event_handler_t fn, void *fn_data);

/* Sends a query for `name` (with `.local`) of type `rtype` (`MG_DNS_RTYPE_*`) to the multicast
 * group; `c` is the connection of `mg_mdns_listen`.
 *
 * Returns:
 * Whether it was sent.
 */
bool mg_mdns_query(struct mg_connection *c, const char *name, unsigned int rtype);

/* ---- SNTP packets ---- */

/* Asks a time server; `url` is `udp://host:port`, NULL for `udp://time.google.com:123`.
 *
 * A good answer sets `mg_boot_timestamp_ms` and fires `MG_EV_SNTP_TIME`; then the connection
 * closes, after three seconds at the latest. An answer must come from the server and repeat what
 * was sent (RFC 4330, section 5). `fn` may be NULL; the event's data is an `int64_t *`, milliseconds
 * since 1970.
 *
 * Returns:
 * The connection, or NULL for an empty URL or without memory.
 */
struct mg_connection *mg_sntp_connect(struct mg_mgr *mgr,
                                      const char *url,
                                      mg_event_handler_t fn,
                                      void *fn_data);

/* Sends one more request on a connection of `mg_sntp_connect`; does nothing while the server's
 * name is being resolved.
 */
void mg_sntp_request(struct mg_connection *c);

/* Reads an SNTP answer (RFC 4330), and sets `mg_boot_timestamp_ms` by it.
 *
 * The answer is one to a request whose transmit time stamp was `mg_millis()`, as those of
 * `mg_sntp_request` are.
 *
 * Returns:
 * Milliseconds since 1970, half of the round trip included. -1, and the clock stays as it is, for
 * a packet that is too short, not of a server, of stratum 0 (a "kiss of death"), or of a version
 * other than 3 and 4.
 *
 * Threads:
 * Any.
 */
int64_t mg_sntp_parse(const uint8_t *buf, size_t len);

/* ---- JSON access by path ---- */

/* A path is `$`, then any sequence of `.name` and `[index]`: `$.users[2].name`. Names are compared
 * with the raw text between a key's quotes. The text is read once, up to the wanted token; what
 * follows is not checked. Nothing is modified, and only the functions that return `char *`
 * allocate. `path` may be NULL, which finds nothing.
 *
 * Any thread may call these functions, on any text that nobody changes meanwhile.
 */

/* Finds the token at `path`.
 *
 * `toklen` (may be NULL) gets its length, or 0 on error. A string token includes both quotes, a
 * container both brackets. Leading white space is skipped.
 *
 * Returns:
 * The offset of the token in `json.buf`, 0 or greater. `MG_JSON_NOT_FOUND`: no such member or
 * element, or the text ends too early. `MG_JSON_INVALID`: a syntax error before the end of the
 * token, a path that does not start with `$`, or a text longer than `INT_MAX`.
 * `MG_JSON_TOO_DEEP`: more than `MG_JSON_MAX_DEPTH` open containers (`MG_SET_JSON_DEPTH`) before the end of the
 * token.
 *
 * Threads:
 * Any.
 */
int mg_json_get(struct mg_str json,
                const char *path,
                int *toklen);

/* Returns the raw token at `path`: strings with their quotes and escapes.
 *
 * Returns:
 * A view into `json`; `{NULL, 0}` if there is no such token (see `mg_json_get`).
 *
 * Threads:
 * Any.
 */
struct mg_str mg_json_get_tok(struct mg_str json, const char *path);

/* Reads the number at `path`.
 *
 * `*v` is set if there is one, else left alone; `v` may be NULL. The value is correctly rounded
 * and finite: an overflowing one is cut to about 1e308. A number in quotes is not a number.
 *
 * Returns:
 * true if the token is a number.
 *
 * Threads:
 * Any.
 */
bool mg_json_get_num(struct mg_str json, const char *path, double *v);

/* Reads the boolean at `path`.
 *
 * `*v` is set if there is one, else left alone; `v` may be NULL. Only `true` and `false` count.
 *
 * Returns:
 * true if the token is a boolean, whichever it is.
 *
 * Threads:
 * Any.
 */
bool mg_json_get_bool(struct mg_str json, const char *path, bool *v);

/* Reads the number at `path` as an integer, cut towards zero.
 *
 * Integers are exact; what is outside the range of `long` becomes `LONG_MIN` or `LONG_MAX`.
 *
 * Returns:
 * The value, or `dflt` if the token is not a number.
 *
 * Threads:
 * Any.
 */
long mg_json_get_long(struct mg_str json, const char *path, long dflt);

/* Returns a decoded copy of the string at `path`.
 *
 * Escapes are decoded as by `mg_json_unescape`: `\u00XX` to one byte, and the text ends at the
 * first code unit above U+00FF. For all of Unicode see `mg_json_get_text`.
 *
 * Returns:
 * NUL-terminated text to be released by `mg_free`. NULL if the token is not a string, has a wrong
 * escape, begins with a code unit above U+00FF, or when out of memory.
 *
 * Threads:
 * Any.
 */
char *mg_json_get_str(struct mg_str json, const char *path);

/* Returns the string at `path` as UTF-8. An addition of this library.
 *
 * All of `\uXXXX` is decoded, surrogate pairs included; an
 * unpaired surrogate becomes U+FFFD. Bytes that are not escaped are copied as they are, so the
 * result is valid UTF-8 if the document is. `*len` (may be NULL) gets the length without the NUL;
 * the text may hold NUL bytes.
 *
 * Returns:
 * NUL-terminated text to be released by `mg_free`. NULL, and `*len` untouched, if the token is not
 * a string, has a wrong escape, or when out of memory.
 *
 * Threads:
 * Any.
 */
char *mg_json_get_text(struct mg_str json, const char *path, size_t *len);

/* Decodes the string of hexadecimal digit pairs at `path`.
 *
 * `*len` (may be NULL) gets the number of bytes.
 *
 * Returns:
 * The bytes with a NUL after them, to be released by `mg_free`. NULL, and `*len` untouched, if
 * the token is not a string, if its length is odd, if it has a character that is no hexadecimal
 * digit, or when out of memory.
 *
 * Threads:
 * Any.
 */
char *mg_json_get_hex(struct mg_str json, const char *path, int *len);

/* Decodes the string of base64 text at `path` (standard alphabet, RFC 4648 section 4).
 *
 * `*len` (may be NULL) gets the number of bytes: 0 if there is a character outside the alphabet.
 * Up to three characters at the end that make no group of four are ignored.
 *
 * Returns:
 * The bytes with a NUL after them, to be released by `mg_free`. NULL, and `*len` untouched, if
 * the token is not a string or when out of memory.
 *
 * Threads:
 * Any.
 */
char *mg_json_get_b64(struct mg_str json, const char *path, int *len);

/* Decodes the string at `path` into the `n` bytes at `to`.
 *
 * `\b \f \n \r \t \\ \" \/` become their character, `\u00XX` the single byte XX (also 0). The text
 * ends at the first `\u` escape above U+00FF or without four hexadecimal digits.
 *
 * Returns:
 * The number of bytes without the NUL after them. 0 if the token is not a string (then `to` is
 * untouched), if the text is empty or has a wrong escape, or if it does not fit: then `to` holds
 * what was decoded, and a NUL if `n` is not 0.
 *
 * Threads:
 * Any.
 */
size_t mg_json_unescape(struct mg_str json, const char *path, char *to, size_t n);

/* Steps through the members of an object or the elements of an array.
 *
 * `obj` starts with `{` or ``. Start with `ofs` 0, pass the result back, stop at 0. `*key` gets
 * the raw key with its quotes (`{NULL, 0}` in an array), `*val` the raw value; either may be NULL.
 *
 * Returns:
 * The offset after the value, white space and one comma. 0 at the end, on a syntax error, or if
 * `obj` is no container.
 *
 * Threads:
 * Any.
 */
size_t mg_json_next(struct mg_str obj, size_t ofs, struct mg_str *key, struct mg_str *val);

/* ---- JSON-RPC: a list of methods, and the dispatch of request frames to them ---- */

/* The functions know no transport: a frame is a text, and the answer is printed through
 * `r->pfn(ch, r->pfn_data)`. With `mg_pfn_iobuf` it goes to a `struct mg_iobuf`, whose `buf` stays
 * NULL if nothing was printed. A handler reads its parameters from the frame:
 * `mg_json_get_long(r->frame, "$.params.offset", -1)`.
 */

/* Adds a method to the front of a list, so that later additions win.
 *
 * `pattern` is a pattern of `mg_match`, copied; the empty one is for responses, frames with a
 * result or an error. `*head` starts as NULL. Nothing happens when out of memory. Release the list
 * by `mg_rpc_del(head, NULL)`.
 *
 * Threads:
 * The one that uses the list.
 */
void mg_rpc_add(struct mg_rpc **head,
                struct mg_str pattern,
                void (*handler)(struct mg_rpc_req *r),
                void *handler_data);

/* Removes all methods of a handler from a list, or with a NULL handler all methods.
 *
 * A handler may remove itself while it runs.
 *
 * Threads:
 * The one that uses the list.
 */
void mg_rpc_del(struct mg_rpc **head, void (*handler)(struct mg_rpc_req *r));

/* Dispatches a frame to the first method in the list whose pattern matches.
 *
 * `r->rpc` is set to it before its handler runs. If the frame has a string `$.method`, its raw
 * text is what patterns are matched with; else, if it has `$.result` or `$.error`, the empty text.
 *
 * Errors:
 * Printed as an answer: -32601 `"METHOD not found"` without such a method, also when `r->head` is
 * NULL; -32700 with the frame as its message if the frame is neither request nor response.
 *
 * Threads:
 * The one that uses the list.
 */
void mg_rpc_process(struct mg_rpc_req *r);

/* Answers a request: prints `{"id":ID,"result":RESULT}`.
 *
 * RESULT is `fmt`, printed as by `mg_xprintf`, and has to be JSON; NULL gives `null`. Nothing is
 * printed if the frame has no `$.id`.
 *
 * Threads:
 * Any.
 */
void mg_rpc_vok(struct mg_rpc_req *r, const char *fmt, va_list *ap);

/* Answers a request with an error: prints `{"id":ID,"error":{"code":CODE,"message":MESSAGE}}`.
 *
 * MESSAGE is `fmt`, printed as by `mg_xprintf`, and has to be JSON, quotes included; NULL gives
 * `null`. If the frame has no `$.id`, the answer has none either.
 *
 * Threads:
 * Any.
 */
void mg_rpc_verr(struct mg_rpc_req *r, int code, const char *fmt, va_list *ap);

/* A handler that answers with the patterns of all methods, newest first.
 *
 * `mg_rpc_add(&head, mg_str("rpc.list"), mg_rpc_list, NULL)`. The entry for responses is left out.
 *
 * Threads:
 * The one that uses the list.
 */
void mg_rpc_list(struct mg_rpc_req *r);

/* Answers a request; see `mg_rpc_vok`.
 *
 * Threads:
 * Any.
 */
void mg_rpc_ok(struct mg_rpc_req *r, const char *fmt, ...);

/* Answers a request with an error; see `mg_rpc_verr`.
 *
 * Threads:
 * Any.
 */
void mg_rpc_err(struct mg_rpc_req *r, int code, const char *fmt, ...);

/* ---- Dashboards: variables of the program as JSON over HTTP, for users with
 *      passwords, and their changes over WebSocket ---- */

/* Describe the variables by a `struct mg_field` each, put them into sets, the sets into a zeroed
 * `struct mg_dash` by `MG_DASH_ADD_FIELD_SET`, and listen:
 * `mg_http_listen(&mgr, url, mg_dash_ev_handler, &dash)`. All of them have to live until the
 * listener and its connections are closed. docs/reference/dashboard.md tells what can be asked.
 */

/* The handler of a dashboard. `c->fn_data` is the `struct mg_dash`.
 *
 * A program may have a handler of its own, which calls this one for all events. Requests are
 * answered at `MG_EV_HTTP_HDRS` or `MG_EV_HTTP_MSG`; the sessions end with the listener, at its
 * `MG_EV_CLOSE`.
 *
 * The functions of the dashboard and its sets are called from here. They may change variables and
 * lists, close connections by `is_closing` and call `mg_dash_send_change`; `user` is valid during
 * their call.
 *
 * Threads:
 * The polling thread. What the variables are changed by has to be the same thread.
 */
void mg_dash_ev_handler(struct mg_connection *c, int ev, void *ev_data);

/* Sends what has changed to the users who have a WebSocket open and may see it: the values of
 * `set`, or of the element at `*set->index`, or with an index below 0 the number of elements.
 *
 * The text is `{"method":"change","params":{"NAME":VALUE}}`, for an element with the name
 * `NAME/INDEX`. `set->fn` is called with `MG_DASH_READ` for each user; one that it refuses, or an
 * element that does not exist, is left out. Only users of dashboards that contain the set are asked.
 * `*set->index` is the same afterwards.
 */
void mg_dash_send_change(struct mg_mgr *mgr, struct mg_field_set *set);

/* Answers `MG_DASH_READ` for a set of files, one with `get_dir`: for the `fn` of such a set, which is
 * called with `u`. Sets without `fn` do that anyway.
 *
 * With `*set->index` -1, that becomes the number of files. Otherwise the name of the file at the
 * index goes to the field `name`, and its size to the field `size` if that is `MG_VAL_UINT64` or
 * `MG_VAL_INT`; the index becomes -1 when there is no such file.
 *
 * Returns:
 * false when there is no directory for this user, no `index`, no dashboard in `u`, or no field
 * `name` of type `MG_VAL_STR`.
 */
bool mg_dash_dir_read(struct mg_field_set *set, struct mg_dash_user *u);

/* ---- The printf family: to a function, a piece of memory, the heap, a connection ---- */

/* Formats to `fn(ch, arg)`, which is called once for each byte, in order.
 *
 * A NULL `fn` prints nothing; the length is counted all the same. The callee advances the
 * `va_list`.
 *
 * Returns:
 * The number of bytes printed, including what custom printers (`%M`) claim.
 *
 * Threads:
 * Any.
 */
size_t mg_vxprintf(mg_pfn_t fn, void *arg, const char *fmt, va_list *ap);

/* Formats into `len` bytes at `buf`, NUL included. Longer text is cut; with `len` 0 nothing is
 * written and `buf` may be NULL.
 *
 * Returns:
 * The length of the whole text without its NUL, also when it did not fit: a result of `len` or
 * more means it was cut.
 *
 * Threads:
 * Any.
 */
size_t mg_vsnprintf(char *buf, size_t len, const char *fmt, va_list *ap);

/* Formats into fresh memory, NUL-terminated.
 *
 * Returns:
 * The text, to be released with `mg_free`; an empty string for an empty text. NULL without memory.
 *
 * Threads:
 * Any.
 */
char *mg_vmprintf(const char *fmt, va_list *ap);

/* Formats onto the end of `c->send`. On UDP, all that is there leaves as one datagram later in the
 * poll.
 *
 * Returns:
 * The number of bytes appended. 0 without memory: then nothing was appended.
 *
 * Errors:
 * `OOM` as `MG_EV_ERROR` without memory, or when a custom printer (`%M`) claims another length
 * than it has printed.
 */
size_t mg_vprintf(struct mg_connection *c, const char *fmt, va_list *ap);

/* As `mg_error`, with a `va_list`. An addition of this library. */
void mg_verror(struct mg_connection *c, const char *fmt, va_list *ap);

/* Formats to `fn(ch, arg)`; see `mg_vxprintf`.
 *
 * The format: `%[#][-][0][width][.precision][h][l|ll]conversion`, the parts in this order.
 * Conversions: `d` `u` `x` `X` (lower case, too) `p` `f` `g` `c` `s` `%` as in C, except that
 * `#` puts `0x` before every number; `M` takes a printer (`mg_pm_t`) and the arguments that it
 * reads; `m` does the same between double quotes. `h` changes nothing. Anything else, such as
 * `i`, `o`, `e`, `z` or a `*` for the width, prints a `%` and the character and reads no argument.
 *
 * Returns:
 * The number of bytes printed.
 *
 * Threads:
 * Any.
 */
size_t mg_xprintf(mg_pfn_t fn, void *arg, const char *fmt, ...);

/* Formats into `len` bytes at `buf`; see `mg_vsnprintf` and, for the format, `mg_xprintf`.
 *
 * Returns:
 * The length of the whole text without its NUL, also when it did not fit.
 *
 * Threads:
 * Any.
 */
size_t mg_snprintf(char *buf, size_t len, const char *fmt, ...);

/* Formats into fresh memory; see `mg_vmprintf` and, for the format, `mg_xprintf`.
 *
 * Returns:
 * The text, to be released with `mg_free`. NULL without memory.
 *
 * Threads:
 * Any.
 */
char *mg_mprintf(const char *fmt, ...);

/* Formats onto the end of `c->send`; see `mg_vprintf` and, for the format, `mg_xprintf`.
 *
 * Returns:
 * The number of bytes appended. 0 without memory: then nothing was appended, and
 * `MG_EV_ERROR` says `OOM`.
 */
size_t mg_printf(struct mg_connection *c, const char *fmt, ...);

/* Fails a connection: logs the formatted text, sets `is_closing`, fires `MG_EV_ERROR` with the
 * text, which is cut to 63 bytes. A handler that clears `is_closing` keeps the connection.
 */
void mg_error(struct mg_connection *c, const char *fmt, ...);

/* ---- Printers for `%M` and `%m` ---- */

/* Each is called with an output and the `va_list` of the format, from which it reads its own
 * arguments. `%m` puts double quotes around.
 */

/* Prints the body of a JSON string. Arguments: `int len, const char *s`.
 *
 * Stops at a NUL; with a `len` above 0 also after so many bytes. `"`, `\` and control characters
 * are escaped, bytes from 0x80 on are not touched. NULL prints nothing. With quotes around:
 * `mg_printf(c, "{%m:%m}", MG_ESC("key"), MG_ESC("value"))`.
 *
 * Returns:
 * The number of bytes printed.
 *
 * Threads:
 * Any.
 */
size_t mg_print_esc(mg_pfn_t out, void *arg, va_list *ap);

/* Prints text for HTML: `&`, `<`, `>` and `"` become entities. Arguments: `int len, const char *s`.
 *
 * Exactly `len` bytes are taken, also NULs.
 *
 * Returns:
 * The number of bytes printed.
 *
 * Threads:
 * Any.
 */
size_t mg_print_html_esc(mg_pfn_t out, void *arg, va_list *ap);

/* Prints base64 with padding. Arguments: `int len, const void *data`.
 *
 * Returns:
 * The number of bytes printed.
 *
 * Threads:
 * Any.
 */
size_t mg_print_base64(mg_pfn_t out, void *arg, va_list *ap);

/* Prints two lower-case hexadecimal digits for each byte. Arguments: `int len, const void *data`.
 *
 * Returns:
 * The number of bytes printed.
 *
 * Threads:
 * Any.
 */
size_t mg_print_hex(mg_pfn_t out, void *arg, va_list *ap);

/* Prints an address: IPv4 dotted, IPv6 in brackets. Argument: `const struct mg_addr *addr`.
 *
 * Returns:
 * The number of bytes printed.
 *
 * Threads:
 * Any.
 */
size_t mg_print_ip(mg_pfn_t out, void *arg, va_list *ap);

/* Prints an address, a colon and the port. Argument: `const struct mg_addr *addr`.
 *
 * Returns:
 * The number of bytes printed.
 *
 * Threads:
 * Any.
 */
size_t mg_print_ip_port(mg_pfn_t out, void *arg, va_list *ap);

/* Prints an IPv4 address, dotted. Argument: `const void *ip`, 4 bytes in network order.
 *
 * Returns:
 * The number of bytes printed.
 *
 * Threads:
 * Any.
 */
size_t mg_print_ip4(mg_pfn_t out, void *arg, va_list *ap);

/* Prints an IPv6 address in brackets, all eight groups. Argument: `const void *ip`, 16 bytes in
 * network order.
 *
 * Returns:
 * The number of bytes printed.
 *
 * Threads:
 * Any.
 */
size_t mg_print_ip6(mg_pfn_t out, void *arg, va_list *ap);

/* Prints a MAC address: `00:01:0a:ff:bc:10`. Argument: `const uint8_t *mac`, 6 bytes.
 *
 * Returns:
 * The number of bytes printed.
 *
 * Threads:
 * Any.
 */
size_t mg_print_mac(mg_pfn_t out, void *arg, va_list *ap);

/* Prints an IEEE 802.15.4 address like a MAC address. Argument: `const uint8_t *address`, 8 bytes.
 *
 * Returns:
 * The number of bytes printed.
 *
 * Threads:
 * Any.
 */
size_t mg_print_ieee64(mg_pfn_t out, void *arg, va_list *ap);

/* ---- Where the printf family prints to ---- */

/* An output is a function that takes one character, and its argument. The library's own outputs are
 * buffers, which are filled by whole runs.
 */

/* Prints to the C library's standard output, with `putchar`. The argument is ignored.
 *
 * Threads:
 * Any.
 */
void mg_pfn_stdout(char c, void *param);

/* Appends a character to the `struct mg_iobuf` at `param`, and a NUL after it that is not
 * counted. Grows the buffer by its `align` when needed.
 *
 * Without memory the character is dropped, as by `mg_pfn_iobuf_noresize`.
 *
 * Threads:
 * The one that owns the buffer.
 */
void mg_pfn_iobuf(char ch, void *param);

/* Appends a character to the `struct mg_iobuf` at `param`, and a NUL after it that is not
 * counted, without growing the buffer.
 *
 * A character that finds one free byte turns it into a NUL that is counted; one that finds none
 * is dropped.
 *
 * Threads:
 * The one that owns the buffer.
 */
void mg_pfn_iobuf_noresize(char ch, void *param);

/* ---- Strings: views, comparing, matching, splitting, numbers, paths ---- */

/* A view of a C string. NULL gives `{NULL, 0}`. The macro `mg_str(s)` calls this.
 *
 * Threads:
 * Any.
 */
struct mg_str mg_str_s(const char *s);

/* A view of `n` bytes. Nothing is checked.
 *
 * Threads:
 * Any.
 */
struct mg_str mg_str_n(const char *s, size_t n);

/* Copies a string into fresh memory, with a NUL after it that is not counted.
 *
 * Returns:
 * The copy, to be released with `mg_free(result.buf)`. `{NULL, 0}` for an empty string and
 * without memory.
 *
 * Threads:
 * Any.
 */
struct mg_str mg_strdup(struct mg_str s);

/* Compares two strings byte by byte, as unsigned numbers; a string that starts another one is the
 * smaller one.
 *
 * Returns:
 * -1, 0 or 1. An empty string equals `{NULL, 0}`.
 *
 * Threads:
 * Any.
 */
int mg_strcmp(struct mg_str str1, struct mg_str str2);

/* Compares two strings like `mg_strcmp`, ASCII letters without regard to case.
 *
 * Returns:
 * -1, 0 or 1.
 *
 * Threads:
 * Any.
 */
int mg_strcasecmp(struct mg_str str1, struct mg_str str2);

/* Compares two C strings, ASCII letters without regard to case. NULL is an empty string.
 *
 * Returns:
 * The difference of the first two (lower-case) bytes that differ; 0 if none do.
 *
 * Threads:
 * Any.
 */
int mg_casecmp(const char *s1, const char *s2);

/* Splits a string at the first `sep`: `*a` is what precedes it, `*b` what follows it.
 *
 * Without `sep`, `*a` is the whole string and `*b` an empty one at its end. `a` and `b` may be
 * NULL, and may point to the string itself:
 * `while (mg_span(s, &entry, &s, ',')) ...` walks a list.
 *
 * Returns:
 * false for an empty string; `*a` and `*b` stay as they are.
 *
 * Threads:
 * Any.
 */
bool mg_span(struct mg_str s, struct mg_str *a, struct mg_str *b, char sep);

/* Matches a whole string against a pattern: `?` is any byte, `*` any bytes but `/`, `#` any bytes.
 *
 * Each wildcard takes as little as possible, from left to right. `caps`, which may be NULL, gets
 * what each of them took: slices of `str`, also when they are empty. Unless the pattern ends in
 * `*` or `#`, `{NULL, 0}` follows them. So `caps` needs one element more than the pattern has
 * wildcards; zero them first. Case matters; there is no escape character. The cost is at most the
 * length of the pattern times that of the string.
 *
 * Returns:
 * Whether it matches. If not, `caps` holds nothing to rely on.
 *
 * Threads:
 * Any.
 */
bool mg_match(struct mg_str str, struct mg_str pattern, struct mg_str *caps);

/* Reads an unsigned number; all of the string has to be digits.
 *
 * `base` is 2, 10 or 16; 0 takes it from a `0x` or `0b` in front and is 10 without. `val` points
 * to an unsigned integer of `val_len` bytes: 1, 2, 4 or 8.
 *
 * Returns:
 * false, with `*val` as it was, for anything else and for a number that does not fit.
 *
 * Threads:
 * Any.
 */
bool mg_str_to_num(struct mg_str str, int base, void *val, size_t val_len);

/* Reads a decimal number that may have spaces and tabs around it.
 *
 * Returns:
 * false, with `*val` as it was, for anything else and for a number that does not fit.
 *
 * Threads:
 * Any.
 */
bool mg_to_size_t(struct mg_str s, size_t *val);

/* Whether a path from a peer stays inside the directory that it is put after: no `..` at the
 * start or after a `/` or `\`, no `~` at the start, no NUL inside. `%2e` is not decoded.
 *
 * Threads:
 * Any.
 */
bool mg_path_is_sane(struct mg_str path);

/* ---- URLs and percent coding ---- */

/* Finds the port of a URL.
 *
 * Returns:
 * The number after the host; else the default of the scheme (`http`, `ws`: 80, `https`, `wss`:
 * 443, `mqtt`: 1883, `mqtts`: 8883); else 0. A number above 65535 counts as 0.
 */
unsigned short mg_url_port(const char *url);

/* Tells whether the scheme of a URL means TLS: `https`, `wss`, `mqtts`, `ssl`, `tls` or `tcps`. Schemes
 * have no case (RFC 3986, section 3.1).
 */
bool mg_url_is_ssl(const char *url);

/* Finds the host of a URL: a name or an address, IPv6 with its brackets.
 *
 * Returns:
 * A view of `url`, not NUL-terminated; empty when there is no host.
 */
struct mg_str mg_url_host(const char *url);

/* Finds the user name of a URL, `http://USER:pass@host`.
 *
 * Returns:
 * A view of `url`, not decoded, not NUL-terminated; empty when there is none.
 */
struct mg_str mg_url_user(const char *url);

/* Finds the password of a URL, `http://user:PASS@host`.
 *
 * Returns:
 * A view of `url`, not decoded, not NUL-terminated; empty when there is none.
 */
struct mg_str mg_url_pass(const char *url);

/* Finds the path of a URL with its query: what a request line needs. The fragment is left out, as it is
 * never sent (RFC 9110, section 4.2.5).
 *
 * Returns:
 * A pointer into `url`, so the rest of that string; or the constant `"/"` when there is neither path nor
 * query. For a URL with a fragment, or with a query and no path (`/?QUERY`), a C string of the library,
 * which holds until the same thread has called this function sixteen times more. `"/"` without memory.
 */
const char *mg_url_uri(const char *url);

/* Decodes `%XX` escapes, and `+` to a space when `is_form_url_encoded` is not 0.
 *
 * Writes the text and a NUL to `dst`, which has room for `dst_len` bytes and may be `src` itself.
 *
 * Returns:
 * Length of the text; it may contain NUL bytes. -1 when `%` is not followed by two hex digits
 * within the `src_len` bytes, or `dst` is too small; then `dst` holds the text so far.
 */
int mg_url_decode(const char *src,
                  size_t src_len,
                  char *dst,
                  size_t dst_len,
                  int is_form_url_encoded);

/* Writes all bytes but letters, digits and `. _ - ~` as `%xx`, with lower-case digits.
 *
 * Writes the text and a NUL to `dst`, which has room for `dst_len` bytes and does not overlap
 * `src`. Give it three times the input and five bytes more.
 *
 * Returns:
 * Length of the text; 0 when fewer than five bytes are free before any byte of `src`.
 */
size_t mg_url_encode(const char *src, size_t src_len, char *dst, size_t dst_len);

/* ---- The log: its level, its sink, lines and hex dumps ---- */

/* Which lines are logged: those of this level and below. Set it with `mg_log_set`. */
extern int mg_log_level;

/* Sends log bytes to `fn(ch, param)`, one at a time. NULL means standard output, as at the start.
 *
 * Threads:
 * Any; but a line that another thread is printing may meet the new function with the old `param`.
 */
void mg_log_set_fn(mg_pfn_t fn, void *param);

/* As `mg_log`, with a `va_list`. An addition of this library.
 *
 * Threads:
 * Any. Lines of several threads may mix.
 */
void mg_vlog(const char *fmt, va_list *ap);

/* Logs a hex dump, 16 bytes a line, whatever the level.
 *
 * Threads:
 * Any.
 */
void mg_hexdump(const void *buf, size_t len);

/* Logs a formatted line and CR LF, whatever the level: `MG_ERROR` and friends check the level
 * and print the prefix. A program may define its own.
 *
 * Threads:
 * Any. Lines of several threads may mix.
 */
void mg_log(const char *fmt, ...);

/* Logs what precedes each line, 40 bytes: time, level, file, line and function. A program
 * may define its own.
 *
 * Threads:
 * Any.
 */
void mg_log_prefix(int level, const char *file, int line, const char *fname);

/* ---- `struct mg_iobuf`: growable buffers ---- */

/* Initialises a buffer: overwrites all fields (releases nothing), then allocates.
 *
 * `size` bytes, rounded up to a multiple of `align`, zeroed. `align` is how much the buffer grows
 * at a time; 0 means exactly as much as needed.
 *
 * Returns:
 * false when memory is exhausted; the buffer is then empty and usable.
 *
 * Threads:
 * Any thread, one at a time for each buffer.
 */
bool mg_iobuf_init(struct mg_iobuf *io, size_t size, size_t align);

/* Makes the capacity exactly `new_size`, rounded up to a multiple of `align`: grows or shrinks.
 *
 * Contents are kept up to the new capacity. Pointers into the old memory dangle, and the old
 * memory is zeroed before it is released. `new_size` 0 releases the memory.
 *
 * Returns:
 * false when memory is exhausted; nothing has changed then.
 *
 * Threads:
 * Any thread, one at a time for each buffer.
 */
bool mg_iobuf_resize(struct mg_iobuf *io, size_t new_size);

/* Releases the memory of a buffer; `align` stays, and the buffer is usable again at once.
 *
 * Threads:
 * Any thread, one at a time for each buffer.
 */
void mg_iobuf_free(struct mg_iobuf *io);

/* Inserts `len` bytes at offset `ofs`; what was there moves right.
 *
 * `buf` may be NULL: then the inserted bytes are whatever was in the memory. It may point into
 * another buffer, not into this one. When `ofs` is beyond the end, the gap is filled with zeros.
 * The capacity becomes exactly what is needed, rounded up to a multiple of `align`.
 *
 * Returns:
 * `len`, or 0 when memory is exhausted; nothing has changed then.
 *
 * Threads:
 * Any thread, one at a time for each buffer.
 */
size_t mg_iobuf_add(struct mg_iobuf *io, size_t ofs, const void *buf, size_t len);

/* Removes `len` bytes at offset `ofs`; what follows moves left.
 *
 * Both are clamped to what is there. The bytes that become free at the end are zeroed; the
 * capacity stays.
 *
 * Returns:
 * How many bytes were removed.
 *
 * Threads:
 * Any thread, one at a time for each buffer.
 */
size_t mg_iobuf_del(struct mg_iobuf *io, size_t ofs, size_t len);

/* ---- `struct mg_queue`: messages from one thread to another one without locks ---- */

/* Makes an empty queue in `size` bytes at `buf`, which the program owns.
 *
 * Each message takes 4 bytes more than its length, and 4 have to stay free: the longest possible
 * message is `size - 8` bytes.
 *
 * Threads:
 * Before the two threads start to use the queue.
 */
void mg_queue_init(struct mg_queue *q, char *buf, size_t size);

/* Finds room for a message of `len` bytes; `*buf` is where to write it. Publish it with
 * `mg_queue_add`.
 *
 * Returns:
 * The length of the longest message that has room there, `len` at least. 0: there is no room now;
 * try again when the consumer has read on.
 *
 * Threads:
 * The producer.
 */
size_t mg_queue_book(struct mg_queue *q, char **buf, size_t len);

/* Publishes `len` bytes, at most as many as booked, at the place that `mg_queue_book` gave.
 *
 * Threads:
 * The producer.
 */
void mg_queue_add(struct mg_queue *q, size_t len);

/* Looks at the oldest message; `*buf` is where it begins. It stays until `mg_queue_del`.
 *
 * Returns:
 * Its length, or 0: the queue is empty.
 *
 * Threads:
 * The consumer.
 */
size_t mg_queue_next(struct mg_queue *q, char **buf);

/* Drops the oldest message; `len` is what `mg_queue_next` returned.
 *
 * Threads:
 * The consumer.
 */
void mg_queue_del(struct mg_queue *q, size_t len);

/* As `mg_queue_printf`, with a `va_list`. The arguments are read twice, so custom printers run twice.
 * An addition of this library.
 *
 * Returns:
 * The length of the message; 0 if it is empty or does not fit.
 *
 * Threads:
 * The producer.
 */
size_t mg_queue_vprintf(struct mg_queue *q, const char *fmt, va_list *ap);

/* Formats a message straight into the queue; the format is that of `mg_xprintf`. A NUL after
 * the message, which needs room too, does not belong to it.
 *
 * Returns:
 * The length of the message; 0 if it is empty or does not fit.
 *
 * Threads:
 * The producer.
 */
size_t mg_queue_printf(struct mg_queue *q, const char *fmt, ...);

/* ---- File systems and whole files ---- */

/* The file system of the machine.
 *
 * Reading starts at the start of a file. Every other way of opening one creates it if needed, and
 * writes at its end; `MG_FS_EXCL` only creates. Descriptors are closed on exec.
 */
extern struct mg_fs mg_fs_posix;

/* Opens a file with `MG_FS_*` flags.
 *
 * Returns:
 * A file to be used with the functions of `fs` on its `fd`, and closed by `mg_fs_close`; NULL when
 * it could not be opened.
 */
struct mg_fd *mg_fs_open(struct mg_fs *fs, const char *path, int flags);

/* Closes a file of `mg_fs_open`; NULL is fine. */
void mg_fs_close(struct mg_fd *fd);

/* Lists a directory step by step: replaces the name in `buf` by the next one. Begin with an empty
 * `buf`:
 *
 * ```c
 * char buf[256] = "";
 * while (mg_fs_ls(&mg_fs_posix, ".", buf, sizeof(buf))) printf("%s\n", buf);
 * ```
 *
 * Each step lists the directory anew.
 *
 * Returns:
 * false, and an empty `buf`, at the end; also when the name in `buf` is not in the directory any
 * more, or the next one does not fit into `len` bytes with its NUL.
 */
bool mg_fs_ls(struct mg_fs *fs, const char *path, char *buf, size_t len);

/* Reads a whole file.
 *
 * Returns:
 * The contents, with a NUL after them, to be released by `mg_free(result.buf)`. An empty file has a
 * `buf`, too. `{NULL, 0}` when the file cannot be read whole, is a directory, or `path` is NULL.
 */
struct mg_str mg_file_read(struct mg_fs *fs, const char *path);

/* Replaces a file, or makes it: writes `len` bytes to a temporary file beside it, which then takes
 * its name. So a reader, or a crash, finds the old contents or the new.
 *
 * The permissions stay; a symbolic link becomes a file. `buf` may be NULL when `len` is 0.
 *
 * Returns:
 * false when that failed; the old file is then untouched, unless `fs` is the program's own and
 * cannot rename onto an existing file.
 */
bool mg_file_write(struct mg_fs *fs, const char *path, const void *buf, size_t len);

/* Replaces a file, or makes it, by formatted text: `mg_mprintf` and then `mg_file_write`. What
 * follows a NUL in the text is left out.
 *
 * Returns:
 * false when that failed.
 */
bool mg_file_printf(struct mg_fs *fs, const char *path, const char *fmt, ...);

/* ---- Time ---- */

/* Wall-clock time in milliseconds since 1970 at which `mg_millis()` was 0.
 *
 * 0 until the first SNTP answer; a program may assign it. `mg_now()` is `mg_millis()` plus this.
 */
extern uint64_t mg_boot_timestamp_ms;

/* Milliseconds of a clock that only goes forward (not the wall clock), unless the program
 * defines its own.
 *
 * Threads:
 * Any.
 */
uint64_t mg_millis(void);

/* Milliseconds since 1970, once the time is known: `mg_millis() + mg_boot_timestamp_ms`.
 *
 * Before the first SNTP answer, and unless the program assigned `mg_boot_timestamp_ms`, the same
 * as `mg_millis()`.
 *
 * Threads:
 * Any.
 */
uint64_t mg_now(void);

/* Sleeps for at least `ms` milliseconds.
 *
 * Nothing is polled meanwhile: a program with an event loop uses a timer instead.
 *
 * Threads:
 * Any.
 */
void mg_delayms(unsigned int ms);

/* Seconds since 1970 of a date in UTC (proleptic Gregorian calendar); `month` and `day` from 1. An
 * addition of this library.
 *
 * Days, hours, minutes and seconds beyond their range run on: second 60 is the next minute.
 *
 * Returns:
 * The seconds; 0 for a year before 1970, a month outside of 1 to 12, or day 0.
 *
 * Threads:
 * Any.
 */
uint64_t mg_timegm(unsigned int year,
                   unsigned int month,
                   unsigned int day,
                   unsigned int hour,
                   unsigned int min,
                   unsigned int sec);

/* ---- Random bytes and text ---- */

/* Fills `buf` with `len` random bytes from the operating system, unless the program defines
 * its own `mg_random`.
 *
 * Returns:
 * true; false if the operating system gave none: then the bytes are predictable, and an error
 * is logged.
 *
 * Threads:
 * Any, unless the program's own says otherwise.
 */
bool mg_random(void *buf, size_t len);

/* Writes `len - 1` random letters and digits and a NUL to `buf`.
 *
 * Each of `[a-zA-Z0-9]` is equally likely. The bytes come from `mg_random`. With `len` 1 only the
 * NUL is written, with `len` 0 nothing.
 *
 * Returns:
 * `buf`.
 *
 * Threads:
 * Any.
 */
char *mg_random_str(char *buf, size_t len);

/* ---- Memory ---- */

/* Allocates `count` times `size` zeroed bytes: `calloc`, unless the program defines its own.
 *
 * All memory that the library hands to the program comes from here. A program that defines
 * `mg_calloc` and `mg_free` itself replaces both for the library too.
 *
 * Returns:
 * NULL when out of memory.
 *
 * Threads:
 * Any, unless the program's own says otherwise.
 */
void *mg_calloc(size_t count, size_t size);

/* Releases what `mg_calloc` returned: `free`, unless the program defines its own.
 *
 * `ptr` may be NULL.
 *
 * Threads:
 * Any, unless the program's own says otherwise.
 */
void mg_free(void *ptr);

/* Overwrites `len` bytes at `buf` with zeros, in a way that compilers do not remove.
 *
 * For secrets that are not needed any more. `buf` may be NULL.
 *
 * Threads:
 * Any.
 */
void mg_bzero(volatile unsigned char *buf, size_t len);

/* ---- Low-level input and output, and helpers for multicast and local addresses ---- */

/* One attempt to send on the connection's socket, past `c->send`; UDP sends to `c->rem`.
 *
 * Returns:
 * How many bytes were sent, `MG_IO_WAIT` when the socket is busy, else `MG_IO_ERR`.
 */
long mg_io_send(struct mg_connection *c, const void *buf, size_t len);

/* Takes up to `len` bytes out of `c->rtls`: bytes that came in and were not decrypted.
 *
 * Returns:
 * How many bytes were taken; `MG_IO_WAIT` when there are none.
 */
long mg_io_recv(struct mg_connection *c, void *buf, size_t len);

/* Joins the IPv4 group `ip` (dotted text) on the connection's socket, on the interface that the
 * system chooses; without a route to the group, on the first one that is up. Failures are logged.
 */
void mg_multicast_add(struct mg_connection *c, char *ip);

/* Finds the local address that the system would use to reach `to`, without sending anything.
 *
 * Errors:
 * `MG_EV_ERROR` on `c`, "socket(): ERRNO" or "connect: ERRNO"; `addr` is then left alone.
 */
void mg_getlocaddr(struct mg_connection *c, struct mg_addr *to, struct mg_addr *addr);

/* ---- JSON Web Tokens (RFC 7519), signed with HMAC-SHA-256 or ECDSA on P-256 ---- */

/* Makes a token with an HMAC: `opts->claims`, signed with `opts->secret`. An addition of this library.
 *
 * The header is `{"alg":"HS256","typ":"JWT"}`, then `kid` if there is one, then the members in
 * `opts->header`. `len` has to be the length of the text + 1.
 *
 * Returns:
 * The length of the token, which is NUL-terminated. 0, and an empty text, when there is too little
 * room, the secret is empty, the claims are no JSON object, or the header would be none or have a
 * member twice.
 *
 * Threads:
 * Any. RFC 7515, RFC 7519.
 */
size_t mg_jwt_sign_hs256(const struct mg_jwt_opts *opts,
                         char *buf,
                         size_t len);

/* Checks a token with an HMAC by `opts->secret`, and writes its claims to `buf`, which needs their
 * length + 1. An addition of this library.
 *
 * The header's `alg` has to be `HS256`, once; `crit` is not understood. `exp` and `nbf` are judged by
 * the system's clock, with 60 seconds of leeway; `mg_jwt_read_hs256` does not judge them.
 *
 * Returns:
 * The length of the claims, which are NUL-terminated. 0, and an empty text, when anything is wrong.
 *
 * Threads:
 * Any. RFC 7515, RFC 7519.
 */
size_t mg_jwt_verify_hs256(struct mg_str jwt,
                           const struct mg_jwt_opts *opts,
                           char *buf,
                           size_t len);

/* As `mg_jwt_verify_hs256`, whatever `exp` and `nbf` say: for tokens that are renewed. An addition of
 * this library.
 *
 * Threads:
 * Any.
 */
size_t mg_jwt_read_hs256(struct mg_str jwt, const struct mg_jwt_opts *opts, char *buf, size_t len);

/* As `mg_jwt_sign_hs256`, with ECDSA on P-256 by `opts->private_key`. Each call makes another
 * signature. Not in a library without TLS, which logs so and returns 0. An addition of this library.
 *
 * Returns:
 * As `mg_jwt_sign_hs256`; 0 also for a key that is NULL, 0, or not below the order of the curve.
 *
 * Threads:
 * Any. RFC 7515, RFC 7518 section 3.4.
 */
size_t mg_jwt_sign_es256(const struct mg_jwt_opts *opts, char *buf, size_t len);

/* As `mg_jwt_verify_hs256`, with ECDSA on P-256 by `opts->public_key`. An addition of this library.
 *
 * Returns:
 * As `mg_jwt_verify_hs256`.
 *
 * Threads:
 * Any. RFC 7515, RFC 7518 section 3.4.
 */
size_t mg_jwt_verify_es256(struct mg_str jwt,
                           const struct mg_jwt_opts *opts,
                           char *buf,
                           size_t len);

/* As `mg_jwt_verify_es256`, whatever `exp` and `nbf` say. An addition of this library.
 *
 * Threads:
 * Any.
 */
size_t mg_jwt_read_es256(struct mg_str jwt, const struct mg_jwt_opts *opts, char *buf, size_t len);

/* Takes a P-256 key out of PEM (`EC PRIVATE KEY`, `PRIVATE KEY`, also after `EC PARAMETERS`) or DER,
 * for `private_key` of `struct mg_jwt_opts`. An addition of this library.
 *
 * Returns:
 * 32. 0, and `buf` untouched, when `len` is less than 32 or this is no such key.
 *
 * Threads:
 * Any. RFC 5915, RFC 5958.
 */
size_t mg_uecc_parse_private_key(struct mg_str key, uint8_t *buf, size_t len);

/* Computes the public key of a private one, for `public_key` of `struct mg_jwt_opts`: writes 64 bytes,
 * x and y. `curve` is `mg_uecc_secp256r1()`. An addition of this library.
 *
 * Returns:
 * 1; 0 for a key that is 0 or not below the order of the curve, and for NULL.
 *
 * Threads:
 * Any.
 */
int mg_uecc_compute_public_key(const uint8_t *private_key,
                               uint8_t *public_key,
                               MG_UECC_Curve curve);

/* The curve P-256 (secp256r1): a pointer that says nothing but that. An addition of this library.
 *
 * Threads:
 * Any.
 */
MG_UECC_Curve mg_uecc_secp256r1(void);

/* ---- Modbus-TCP ---- */

/* Listens for Modbus-TCP clients.
 *
 * Each valid request fires `MG_EV_MODBUS_REQ` with a `struct mg_modbus_req *`: the handler fills
 * or reads `u`, may set `error`, and the answer goes out when it returns. Invalid requests are
 * answered with an exception and fire nothing.
 *
 * Function 22 (mask write) fires as functions 3 and 6, function 23 (read and write) as 16 and 3.
 * Function 43, type 14 (identification) fires for each text, see `MG_MODBUS_FUNC_READ_DEVICE_ID`.
 *
 * Returns:
 * The listener, or NULL: then the log says why.
 */
struct mg_connection *mg_modbus_listen(struct mg_mgr *mgr,
                                       const char *url,
                                       mg_event_handler_t fn,
                                       void *fn_data);

/* ---- Firmware updates ---- */

/* On a host there is no firmware: the functions that write it only say yes. */

/* Begins an update of `new_firmware_size` bytes. Does nothing on a host, unless the program
 * defines its own.
 *
 * Returns:
 * true; false refuses the update.
 *
 * Threads:
 * The library calls it on the polling thread.
 */
bool mg_ota_begin(size_t new_firmware_size);

/* Writes the next `len` bytes of an update. Does nothing on a host, unless the program defines
 * its own.
 *
 * Returns:
 * true; false ends the update.
 *
 * Threads:
 * The library calls it on the polling thread.
 */
bool mg_ota_write(const void *buf, size_t len);

/* Ends an update, once, also one that failed. Does nothing on a host, unless the program
 * defines its own.
 *
 * Returns:
 * true; false when what was written is not good.
 *
 * Threads:
 * The library calls it on the polling thread.
 */
bool mg_ota_end(void);

/* Writes what tells this device from others of its kind to `buf`, cut to `len` bytes with the NUL:
 * "0" on a host.
 *
 * Threads:
 * Any thread.
 */
void mg_ota_device_id(char *buf, size_t len);

/* Looks for updates now and then. Does nothing on a host, where `MG_OTA_URL` is NULL. */
void mg_ota_poll(struct mg_mgr *mgr);

/* Sets whom firmware servers are checked by: certificates of authorities, in PEM or DER, which are
 * copied. `mg_ota_url_check` takes `https` URLs only with it. `MG_OTA_TLS_CA` of a program does the
 * same for PEM. Empty: nobody. An addition of this library.
 */
void mg_ota_set_ca(struct mg_str ca);

/* Asks a server whether there is another version of the firmware, and installs it.
 *
 * The answer to `GET metadata_url?arch=1&version=...&id=...&interval=...&boot=0` is
 * `{"version": "...", "url": "...", "size": ...}`. If the version is not
 * `MG_OTA_FIRMWARE_VERSION`, the firmware is fetched from that URL and goes to `mg_ota_begin`,
 * `mg_ota_write` and `mg_ota_end`.
 *
 * An `https` URL is asked with TLS, and the server's certificate has to lead to `MG_OTA_TLS_CA` (or
 * `mg_ota_set_ca`) and carry the URL's host; nothing falls back to clear text, and metadata that came
 * with TLS cannot name a firmware without.
 *
 * `fn` is called once, perhaps from inside this call: with NULL when all is written, else with what
 * went wrong. With `fn` NULL, that is logged. One check runs at a time in a process.
 *
 * Errors:
 * `OTA already in progress`, `Failed to connect`, `Metadata timeout` (5 s), `OTA timeout` (5 s to
 * connect, 300 s until the response begins), `Bad metadata: ...`, `Same version`, `Bad HTTP
 * response: ...`, `MG_OTA_TLS_CA is not configured`, `Insecure firmware URL`, `ota begin failed`, `write error`, `OTA finalize failed`, `connection closed`, or
 * the text of an `MG_EV_ERROR`.
 */
void mg_ota_url_check(struct mg_mgr *mgr,
                      const char *metadata_url,
                      void (*fn)(const char *err));

/* ---- Files packed into the program ---- */

/* The file system of packed files, read-only. It sees what `mg_mem_files` points at.
 *
 * Directories are what the paths of the files say; they have no time.
 */
extern struct mg_fs mg_fs_packed;

/* The packed files: an array that ends with an entry whose path is NULL. NULL until the program
 * sets it, for example to `mg_packed_files`, which `mongoose-pack` makes from files.
 *
 * It is looked at in each call; files that are open stay what they are.
 */
extern const struct mg_mem_file *mg_mem_files;

/* The contents of the packed file `path`, which is compared byte by byte.
 *
 * Returns:
 * A view of the program's own array, not a copy; `{NULL, 0}` when there is no such file.
 *
 * Threads:
 * Any, while no other one changes `mg_mem_files`.
 */
struct mg_str mg_unpacked(const char *path);

/* ---- Hardware of devices: Ethernet PHYs, and Wi-Fi, which a host has no driver for ---- */

/* Resets an Ethernet PHY and sets it up, by its identifier: TI DP838xx, Microchip KSZ8x; others need
 * nothing. `config` are bits of `MG_PHY_LEDS_ACTIVE_HIGH` and `MG_PHY_CLOCKS_MAC`. A reset that does
 * not end is waited for 10,000 reads. Does nothing without both functions.
 *
 * Threads:
 * As the functions of `phy` say.
 */
void mg_phy_init(struct mg_phy *phy, uint8_t addr, uint8_t config);

/* Tells whether an Ethernet PHY has a link, and what it is like.
 *
 * `full_duplex` and `speed` (`MG_PHY_SPEED_*`) are set when there is a link, both are not NULL, and
 * the chip is known: TI DP838xx, Microchip KSZ8x and LAN87x, Realtek RTL8xxx, ICS1894.
 *
 * Returns:
 * true when there is a link; false without both functions.
 *
 * Threads:
 * As the functions of `phy` say.
 */
bool mg_phy_up(struct mg_phy *phy, uint8_t addr, bool *full_duplex, uint8_t *speed);

/* Looks for Wi-Fi networks. A host has no driver for that.
 *
 * Returns:
 * false.
 *
 * Threads:
 * Any.
 */
bool mg_wifi_scan(void);

/* Joins a Wi-Fi network. A host has no driver for that; `wifi` is not looked at.
 *
 * Returns:
 * false.
 *
 * Threads:
 * Any.
 */
bool mg_wifi_connect(struct mg_wifi_data *wifi);

/* Leaves a Wi-Fi network. A host has no driver for that.
 *
 * Returns:
 * false.
 *
 * Threads:
 * Any.
 */
bool mg_wifi_disconnect(void);

/* Becomes a Wi-Fi access point. A host has no driver for that; `wifi` is not looked at.
 *
 * Returns:
 * false.
 *
 * Threads:
 * Any.
 */
bool mg_wifi_ap_start(struct mg_wifi_data *wifi);

/* Is no Wi-Fi access point any more. A host has no driver for that.
 *
 * Returns:
 * false.
 *
 * Threads:
 * Any.
 */
bool mg_wifi_ap_stop(void);

/* ---- Layout of structs ---- */

/* Tells the library which sizes the program was compiled with: `MG_DATA_SIZE`, `MG_MAX_HTTP_HEADERS`
 * and `MG_DASH_MAX_USER_NAME`. An addition of this library.
 *
 * Programs need not call it: where one of the macros has a value of the program's, the header calls it
 * before `main`. Programs in other languages that declare the structs themselves call it before the first
 * `mg_mgr_init`. One process has one layout, which counts for all its managers.
 *
 * Errors:
 * When parts of the program were compiled with different values, when a manager exists that has other
 * ones, or with a value above 1048576: says so on the standard error and aborts, since each part would
 * read and write at the wrong places.
 *
 * Threads:
 * Before other threads use the library.
 */
void mg_set_layout(size_t data_size,
                   size_t http_headers,
                   size_t dash_user_name);

/* ---- Text to IP address ---- */

/* Parses an IP address.
 *
 * Accepts IPv4 (`127.0.0.1`, leading zeros are decimal), IPv6 (RFC 4291) with or without brackets
 * and with a zone (RFC 4007): a number up to 255 or the name of an interface with such an index
 * (`[fe80::1%3]`, `fe80::1%eth0`); the last 32 bits may be dotted (`64:ff9b::1.2.3.4`). Also
 * `localhost` in any case (127.0.0.1), and the empty text (0.0.0.0). No port, prefix length or
 * blanks.
 *
 * On success `addr`, `is_ip6` and `scope_id` are set. `port` stays.
 *
 * Returns:
 * true on success. false otherwise; then `*addr` is unchanged.
 *
 * Threads:
 * Any.
 */
bool mg_aton(struct mg_str str, struct mg_addr *addr);

/* ---- Byte order ---- */

/* Converts a 16-bit number from network to host byte order. */
uint16_t mg_ntohs(uint16_t net);

/* Converts a 32-bit number from network to host byte order. */
uint32_t mg_ntohl(uint32_t net);

/* Converts a 64-bit number from network to host byte order. */
uint64_t mg_ntohll(uint64_t net);

/* ---- CRC-16, and comparing secrets ---- */

/* Continues a CRC-16/X-25 (that of HDLC and PPP) over `len` bytes at `buf`. An addition of this
 * library.
 *
 * Start with `crc` 0, and pass the last result on to continue. `buf` may be NULL if `len` is 0.
 *
 * Returns:
 * The new CRC; `crc` itself if `len` is 0.
 *
 * Threads:
 * Any.
 */
uint16_t mg_crc16(uint16_t crc, const char *buf, size_t len);

/* Compares `n` bytes, in a time that depends on `n` only: for secrets. `n` 0: equal. An addition of
 * this library.
 *
 * Returns:
 * true when they are equal.
 *
 * Threads:
 * Any.
 */
bool mg_memeq(const void *a, const void *b, size_t n);

/* ---- CRC-32 ---- */

/* Continues a CRC-32 (that of zlib, Ethernet and PNG) over `len` bytes at `buf`.
 *
 * Start with `crc` 0, and pass the last result on to continue. `buf` may be NULL if `len` is 0.
 *
 * Returns:
 * The new CRC; `crc` itself if `len` is 0.
 *
 * Threads:
 * Any.
 */
uint32_t mg_crc32(uint32_t crc, const char *buf, size_t len);

/* ---- Digests: MD5, SHA-1, SHA-256, SHA-384, HMAC-SHA256 ---- */

/* A context is plain memory of the program: copying one forks the computation, and none needs to
 * be released. After `final` it has to be initialised again. No function keeps a pointer.
 */

/* Starts an MD5 computation (RFC 1321).
 *
 * MD5 is broken as a signature; use it only where a protocol names it.
 */
void mg_md5_init(struct mg_md5_ctx *c);

/* Adds `len` bytes to an MD5 computation.
 *
 * May be called any number of times. `data` may be NULL if `len` is 0.
 */
void mg_md5_update(struct mg_md5_ctx *c, const uint8_t *data, size_t len);

/* Ends an MD5 computation: writes its 16 bytes to `digest` and wipes the context. */
void mg_md5_final(struct mg_md5_ctx *c, uint8_t *digest);

/* Starts a SHA-1 computation (FIPS 180-4).
 *
 * SHA-1 is broken as a signature; use it only where a protocol names it.
 */
void mg_sha1_init(struct mg_sha1_ctx *c);

/* Adds `len` bytes to a SHA-1 computation.
 *
 * May be called any number of times. `data` may be NULL if `len` is 0.
 */
void mg_sha1_update(struct mg_sha1_ctx *c, const uint8_t *data, size_t len);

/* Ends a SHA-1 computation: writes its 20 bytes to `digest` and wipes the context.
 *
 * Mind the order of the arguments.
 */
void mg_sha1_final(uint8_t *digest, struct mg_sha1_ctx *c);

/* Starts a SHA-256 computation (FIPS 180-4). */
void mg_sha256_init(struct mg_sha256_ctx *c);

/* Adds `len` bytes to a SHA-256 computation.
 *
 * May be called any number of times. `data` may be NULL if `len` is 0.
 */
void mg_sha256_update(struct mg_sha256_ctx *c, const uint8_t *data, size_t len);

/* Ends a SHA-256 computation: writes its 32 bytes to `digest` and wipes the context.
 *
 * Mind the order of the arguments.
 */
void mg_sha256_final(uint8_t *digest, struct mg_sha256_ctx *c);

/* Writes the SHA-256 digest of `datasz` bytes at `data` to the 32 bytes at `dst`.
 *
 * `dst` may overlap `data`. `data` may be NULL if `datasz` is 0.
 */
void mg_sha256(uint8_t *dst, uint8_t *data, size_t datasz);

/* Starts a SHA-384 computation (FIPS 180-4). */
void mg_sha384_init(struct mg_sha384_ctx *ctx);

/* Adds `len` bytes to a SHA-384 computation.
 *
 * May be called any number of times. `data` may be NULL if `len` is 0.
 */
void mg_sha384_update(struct mg_sha384_ctx *ctx, const uint8_t *data, size_t len);

/* Ends a SHA-384 computation: writes its 48 bytes to `digest` and wipes the context.
 *
 * Mind the order of the arguments.
 */
void mg_sha384_final(uint8_t *digest, struct mg_sha384_ctx *ctx);

/* Writes the SHA-384 digest of `datasz` bytes at `data` to the 48 bytes at `dst`.
 *
 * `dst` may overlap `data`. `data` may be NULL if `datasz` is 0.
 */
void mg_sha384(uint8_t *dst, uint8_t *data, size_t datasz);

/* Writes the HMAC-SHA256 (RFC 2104) of `datasz` bytes at `data` to the 32 bytes at `dst`.
 *
 * `dst` may overlap `key` and `data`, which may each be NULL if their size is 0. A key of any size
 * is fine. Differs from 7.22 for keys of exactly 64 bytes, where that is not HMAC.
 */
void mg_hmac_sha256(uint8_t *dst, uint8_t *key, size_t keysz, uint8_t *data, size_t datasz);

/* ---- Base64 (RFC 4648): the standard alphabet with padding, and that for URLs without ---- */

/* Appends one byte to a base64 text that grows byte by byte.
 *
 * `len` is what the last call returned, 0 at the start. The buffer, which holds state after
 * `len`, needs `4 * ceil(n / 3) + 1` bytes for `n` bytes of input; nothing is checked.
 *
 * Returns:
 * The new length of the text. Close it with `mg_base64_final`.
 *
 * Threads:
 * Any.
 */
size_t mg_base64_update(unsigned char input_byte, char *buf, size_t len);

/* Closes a text of `mg_base64_update`: last character, padding, NUL.
 *
 * Returns:
 * The length of the text without the NUL.
 *
 * Threads:
 * Any.
 */
size_t mg_base64_final(char *buf, size_t len);

/* Encodes `n` bytes into `dl` bytes at `buf`, NUL included: `dl` has to be
 * `4 * ceil(n / 3) + 1` at least.
 *
 * Returns:
 * The length of the text; 0, with an empty string in `buf`, when there is too little room.
 *
 * Threads:
 * Any.
 */
size_t mg_base64_encode(const unsigned char *p, size_t n, char *buf, size_t dl);

/* Decodes `n` characters into `dl` bytes at `dst`, NUL included: `dl` has to be
 * `3 * (n / 4) + 1` at least, whatever the padding.
 *
 * Up to three characters at the end that make no group of four are ignored. Padding ends a group,
 * not the text.
 *
 * Returns:
 * The number of bytes; 0, with an empty string in `dst`, when there is too little room or a
 * character is not base64.
 *
 * Threads:
 * Any.
 */
size_t mg_base64_decode(const char *src, size_t n, char *dst, size_t dl);

/* As `mg_base64_encode` with the alphabet for URLs (RFC 4648, section 5), without padding: `dl` has to
 * be the length of the text + 1, which is `4 * ceil(n / 3) + 1` at most. An addition of this library.
 *
 * Returns:
 * The length of the text; 0, with an empty string in `buf`, when there is too little room.
 *
 * Threads:
 * Any.
 */
size_t mg_base64url_encode(const unsigned char *p,
                           size_t n,
                           char *buf,
                           size_t dl);

/* Decodes `n` characters of the alphabet for URLs into `dl` bytes at `dst`: `dl` has to be the number
 * of bytes + 1. Padding may be there or not; bits left over at the end do not count. `dst` may be
 * `src`. An addition of this library.
 *
 * Returns:
 * The number of bytes, after which there is a NUL; 0, with an empty string in `dst`, when there is too
 * little room or this is not base64url.
 *
 * Threads:
 * Any.
 */
size_t mg_base64url_decode(const char *src,
                           size_t n,
                           char *dst,
                           size_t dl);

/* ---- Access lists ---- */

/* Checks an address against an access list.
 *
 * `acl` is a list of networks with commas between them, each with `+` (allow) or `-` (deny) before
 * it: `-0.0.0.0/0,+10.0.0.0/8,+192.168.1.7,+fd00::/8`. The last one that matches decides. A network
 * has to be written with its host bits zero: `+1.2.3.4/24` matches nobody. IPv4 networks match IPv4
 * addresses, IPv6 networks (without brackets) IPv6 ones. An IPv4-mapped address, which a listener
 * for both families sees, counts as the IPv4 address. A network with a zone (`fe80::%eth0/64`)
 * matches in that zone only. Blanks may surround a network.
 *
 * Returns:
 * 1: allowed; also for an empty list. 0: denied; also if nothing matches. -1: an entry starts
 * with neither `+` nor `-`, or `remote_ip` is NULL. -2: a network is malformed, or its zone is not
 * that of an interface.
 *
 * Threads:
 * Any.
 */
int mg_check_ip_acl(struct mg_str acl, struct mg_addr *remote_ip);

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
#if MG_DATA_SIZE != 32 || MG_MAX_HTTP_HEADERS != 30 || \
    MG_DASH_MAX_USER_NAME != 32
static __attribute__((constructor(101))) void mg_set_layout_here_(void) {
  mg_set_layout(MG_DATA_SIZE, MG_MAX_HTTP_HEADERS, MG_DASH_MAX_USER_NAME);
  if (&mg_default_layout_ != NULL) mg_set_layout(32, 30, 32);
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
