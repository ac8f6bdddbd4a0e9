/* Sends broadcasts of 64 bytes for a second, as many as it can, and prints how many that were. All
 * copies of one are sent before send() returns.
 *
 *     broadcast IFNAME
 */
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/if_ether.h>
#include <netpacket/packet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

static void die(const char* what) {
    fprintf(stderr, "broadcast: %s: %s\n", what, strerror(errno));
    exit(1);
}

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

int main(int argc, char** argv) {
    struct sockaddr_ll link = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_LOOPBACK)};
    unsigned char frame[64];
    double begin, time;
    long count = 0;
    int fd;
    if (argc != 2) return 2;
    link.sll_ifindex = (int)if_nametoindex(argv[1]);
    memset(frame, 0, sizeof frame);
    memset(frame, 0xff, ETH_ALEN);
    frame[6] = 2; /* a source address of our own */
    frame[12] = ETH_P_LOOPBACK >> 8;
    frame[13] = ETH_P_LOOPBACK & 0xff;
    fd = socket(AF_PACKET, SOCK_RAW, 0);
    if (fd < 0 || bind(fd, (struct sockaddr*)&link, sizeof link) != 0) die(argv[1]);
    begin = now();
    do {
        if (send(fd, frame, sizeof frame, 0) < 0) die("send");
        ++count;
        time = now() - begin;
    } while (time < 1);
    printf("%.1f\n", (double)count / time);
    return 0;
}
