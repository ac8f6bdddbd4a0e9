/* Disturbs tunnels that vxlanctl watches, one at a time, and measures when each is whole again.
 *
 *     watch COUNT TUNNELS PAUSE_MS
 *
 * The tunnels are vxlan0 ... of this network namespace, each with the address 10.A.B.1/24, where A
 * and B are its number's two bytes. A disturbance is that the address is removed, or every other
 * time that the interface is set down; it is healed when the kernel tells that the address is there
 * again, or that the interface is up. Prints the microseconds of each, one a line. */
#include <arpa/inet.h>
#include <linux/if.h>
#include <linux/rtnetlink.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static int events, requests;

static void fail(const char* what) {
    perror(what);
    exit(1);
}

static int open_socket(unsigned groups) {
    struct sockaddr_nl address = {.nl_family = AF_NETLINK, .nl_groups = groups};
    int size = 4 << 20, fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
    if (fd < 0 || bind(fd, (struct sockaddr*)&address, sizeof address) != 0) fail("netlink");
    setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size);
    return fd;
}

static long long now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000000LL + time.tv_nsec / 1000;
}

static unsigned index_of(int number) {
    struct {
        struct nlmsghdr header;
        struct ifinfomsg link;
        struct rtattr name;
        char text[16];
    } request = {.header = {.nlmsg_len = sizeof request,
                            .nlmsg_type = RTM_GETLINK,
                            .nlmsg_flags = NLM_F_REQUEST},
                 .name = {.rta_len = RTA_LENGTH(16), .rta_type = IFLA_IFNAME}};
    char answer[32768];
    struct nlmsghdr* header = (struct nlmsghdr*)answer;
    snprintf(request.text, sizeof request.text, "vxlan%d", number);
    if (send(requests, &request, sizeof request, 0) < 0 ||
        recv(requests, answer, sizeof answer, 0) < 0)
        fail("RTM_GETLINK");
    if (header->nlmsg_type != RTM_NEWLINK) fail(request.text);
    return ((struct ifinfomsg*)NLMSG_DATA(header))->ifi_index;
}

static void acknowledged(const void* request, size_t size, const char* what) {
    char answer[4096];
    struct nlmsghdr* header = (struct nlmsghdr*)answer;
    if (send(requests, request, size, 0) < 0 || recv(requests, answer, sizeof answer, 0) < 0 ||
        header->nlmsg_type != NLMSG_ERROR || ((struct nlmsgerr*)NLMSG_DATA(header))->error != 0)
        fail(what);
}

static void remove_address(unsigned index, in_addr_t address) {
    struct {
        struct nlmsghdr header;
        struct ifaddrmsg message;
        struct rtattr local;
        in_addr_t address;
    } request = {.header = {.nlmsg_len = sizeof request,
                            .nlmsg_type = RTM_DELADDR,
                            .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK},
                 .message = {.ifa_family = AF_INET, .ifa_prefixlen = 24, .ifa_index = index},
                 .local = {.rta_len = RTA_LENGTH(4), .rta_type = IFA_LOCAL},
                 .address = address};
    acknowledged(&request, sizeof request, "RTM_DELADDR");
}

static void set_down(unsigned index) {
    struct {
        struct nlmsghdr header;
        struct ifinfomsg link;
    } request = {.header = {.nlmsg_len = sizeof request,
                            .nlmsg_type = RTM_NEWLINK,
                            .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK},
                 .link = {.ifi_index = (int)index, .ifi_change = IFF_UP}};
    acknowledged(&request, sizeof request, "set down");
}

/* Whether an event says that it is healed. */
static int heals(const struct nlmsghdr* message, unsigned index, int is_address) {
    const struct ifaddrmsg* address = NLMSG_DATA(message);
    const struct ifinfomsg* link = NLMSG_DATA(message);
    if (is_address)
        return message->nlmsg_type == RTM_NEWADDR && address->ifa_family == AF_INET &&
               address->ifa_index == index;
    return message->nlmsg_type == RTM_NEWLINK && link->ifi_family == AF_UNSPEC &&
           (unsigned)link->ifi_index == index && (link->ifi_flags & IFF_UP) != 0;
}

static void await(unsigned index, int is_address) {
    static char buffer[65536];
    for (;;) {
        struct pollfd wanted = {.fd = events, .events = POLLIN};
        if (poll(&wanted, 1, 30000) != 1) fail("not healed within 30 s");
        ssize_t size = recv(events, buffer, sizeof buffer, 0);
        if (size < 0) fail("recv");
        int left = (int)size;
        for (struct nlmsghdr* at = (struct nlmsghdr*)buffer; NLMSG_OK(at, left);
             at = NLMSG_NEXT(at, left))
            if (heals(at, index, is_address)) return;
    }
}

int main(int argc, char** argv) {
    if (argc != 4) return 2;
    const int count = atoi(argv[1]), tunnels = atoi(argv[2]), pause = atoi(argv[3]);
    requests = open_socket(0);
    events = open_socket(RTMGRP_LINK | RTMGRP_IPV4_IFADDR);
    for (int i = 0; i < count; ++i) {
        const int number = (int)((long long)i * 7919 % tunnels); /* far from the last one */
        const unsigned index = index_of(number);
        const int is_address = i % 2 == 0;
        usleep((useconds_t)pause * 1000);
        while (recv(events, (char[65536]){0}, 65536, MSG_DONTWAIT) > 0) {
        }
        const long long begin = now();
        if (is_address)
            remove_address(index, htonl(10U << 24 | (unsigned)number << 8 | 1));
        else
            set_down(index);
        await(index, is_address);
        printf("%lld\n", now() - begin);
        fflush(stdout);
    }
    return 0;
}
