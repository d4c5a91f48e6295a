/* Stands in for the C library's header, which linux/if.h includes for these two names when tables are generated. */
#ifndef BUNKER_SYS_SOCKET_H
#define BUNKER_SYS_SOCKET_H
struct sockaddr {
  unsigned short sa_family;
  char sa_data[14];
};
#endif
