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
#define MG_VERSION @MG_VERSION@

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
#define MG_DATA_SIZE @MG_DATA_SIZE@ /* bytes of c->data */
#endif
#ifndef MG_MAX_HTTP_HEADERS
#define MG_MAX_HTTP_HEADERS @MG_MAX_HTTP_HEADERS@ /* slots in hm->headers */
#endif
#ifndef MG_DASH_MAX_USER_NAME
#define MG_DASH_MAX_USER_NAME @MG_DASH_MAX_USER_NAME@ /* bytes of a dashboard user's name */
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
#define MG_IO_SIZE @MG_IO_SIZE@ /* growth step of buffers, largest single read */
#endif
#ifndef MG_MAX_RECV_SIZE
#define MG_MAX_RECV_SIZE @MG_MAX_RECV_SIZE@UL /* most bytes in c->recv */
#endif
#ifndef MG_SOCK_LISTEN_BACKLOG_SIZE
#define MG_SOCK_LISTEN_BACKLOG_SIZE @MG_SOCK_LISTEN_BACKLOG_SIZE@
#endif
#ifndef MG_HTTP_INDEX
#define MG_HTTP_INDEX @MG_HTTP_INDEX@ /* the file that is served for a directory */
#endif
#ifndef MG_JSON_MAX_DEPTH
#define MG_JSON_MAX_DEPTH @MG_JSON_MAX_DEPTH@ /* containers that may be open in JSON text */
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
