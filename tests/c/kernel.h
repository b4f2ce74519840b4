// The kernel's buffers of every TCP socket of a test program have these sizes, whatever the machine
// is set to: how much a peer that does not read takes in is then the same everywhere. Included by
// the headers about connections; a program that calls for others defines them first, and one that
// replaces socket() itself defines OWN_SOCKET.
#ifndef KERNEL_H
#define KERNEL_H

#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef KERNEL_SEND_BUFFER  // The kernel doubles them for its own needs.
#define KERNEL_SEND_BUFFER 100000
#define KERNEL_RECV_BUFFER 200000
#endif

#ifndef OWN_SOCKET
long syscall(long number, ...);  // -std=c99 hides it.

// The library and the program get this one. Sockets that are accepted inherit from their listener.
int socket(int domain, int type, int protocol) {
  int fd = (int) syscall(SYS_socket, domain, type, protocol);
  int send_buffer = KERNEL_SEND_BUFFER, recv_buffer = KERNEL_RECV_BUFFER;
  if (fd >= 0 && (domain == AF_INET || domain == AF_INET6) && (type & 15) == SOCK_STREAM) {
    (void) setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &send_buffer, sizeof(send_buffer));
    (void) setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &recv_buffer, sizeof(recv_buffer));
  }
  return fd;
}
#endif

#endif
