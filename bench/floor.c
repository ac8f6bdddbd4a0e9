/* The least that setting up a VXLAN can cost: the writes of `vxlanctl up` over one netlink socket,
 * in as few sends as it uses, and its gratuitous ARP, which the kernel copies to each peer; nothing
 * else. No reading, no checking, no lock, no record, no
 * verification, no undo. What vxlanctl takes longer than this is the price of those.
 *
 *     floor DEV LOCAL IFNAME INNER/LENGTH PEERSFILE
 *     floor IFNAME PEERSFILE      the peers alone, of an interface that is there
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <netinet/if_ether.h>
#include <netpacket/packet.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

enum { chunk_size = 65536, largest_message = 512 };

static int fd;
static union {
    struct nlmsghdr header; /* for its alignment */
    char bytes[chunk_size];
} chunk;
static size_t filled;
static struct nlmsghdr* last;

static void die(const char* what) {
    fprintf(stderr, "floor: %s: %s\n", what, strerror(errno));
    exit(1);
}

/* Success is asked for once, behind the last message; errors come unasked. */
static void flush(void) {
    union {
        struct nlmsghdr header;
        char bytes[32768];
    } answer;
    if (filled == 0) return;
    last->nlmsg_flags |= NLM_F_ACK;
    if (send(fd, chunk.bytes, filled, 0) < 0) die("send");
    if (recv(fd, answer.bytes, sizeof answer.bytes, 0) < 0) die("recv");
    errno = -((struct nlmsgerr*)NLMSG_DATA(&answer.header))->error;
    if (errno != 0) die("the kernel refuses");
    filled = 0;
}

static void* append(size_t size) {
    char* place = chunk.bytes + filled;
    memset(place, 0, NLMSG_ALIGN(size));
    filled += NLMSG_ALIGN(size);
    last->nlmsg_len = (uint32_t)(chunk.bytes + filled - (char*)last);
    return place;
}

/* A message with its fixed header of `size` bytes. */
static void* begin(uint16_t type, uint16_t flags, size_t size) {
    if (filled + largest_message > chunk_size) flush();
    last = (struct nlmsghdr*)(chunk.bytes + filled);
    append(sizeof *last);
    last->nlmsg_type = type;
    last->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags);
    return append(size);
}

static struct rtattr* put(uint16_t type, const void* payload, size_t size) {
    struct rtattr* attribute = append(RTA_LENGTH(size));
    attribute->rta_type = type;
    attribute->rta_len = (uint16_t)RTA_LENGTH(size);
    if (size > 0) memcpy(RTA_DATA(attribute), payload, size);
    return attribute;
}

static void end_nest(struct rtattr* nest) {
    nest->rta_len = (uint16_t)(chunk.bytes + filled - (char*)nest);
}

static int index_of(const char* name) {
    struct ifreq request = {0};
    strncpy(request.ifr_name, name, IFNAMSIZ - 1);
    if (ioctl(fd, SIOCGIFINDEX, &request) != 0) die(name);
    return request.ifr_ifindex;
}

static void create(const char* name, struct in_addr local, int dev) {
    static const char alias[] = "vxlanctl/1 cli 0000000000000000";
    const uint32_t vni = 10, lower = (uint32_t)dev;
    const uint16_t port = htons(4789);
    begin(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, sizeof(struct ifinfomsg));
    put(IFLA_IFNAME, name, strlen(name) + 1);
    struct rtattr* info = put(IFLA_LINKINFO, NULL, 0);
    put(IFLA_INFO_KIND, "vxlan", sizeof "vxlan");
    struct rtattr* data = put(IFLA_INFO_DATA, NULL, 0);
    put(IFLA_VXLAN_ID, &vni, sizeof vni);
    put(IFLA_VXLAN_LOCAL, &local, sizeof local);
    put(IFLA_VXLAN_LINK, &lower, sizeof lower);
    put(IFLA_VXLAN_PORT, &port, sizeof port);
    end_nest(data);
    end_nest(info);
    begin(RTM_SETLINK, 0, sizeof(struct ifinfomsg));
    put(IFLA_IFNAME, name, strlen(name) + 1);
    put(IFLA_IFALIAS, alias, strlen(alias));
    flush(); /* the rest needs the new link's index */
}

static void add_peer(int link, struct in_addr peer) {
    static const uint8_t all_zero[6];
    struct ndmsg* entry = begin(RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_APPEND, sizeof *entry);
    entry->ndm_family = AF_BRIDGE;
    entry->ndm_ifindex = link;
    entry->ndm_state = NUD_PERMANENT;
    entry->ndm_flags = NTF_SELF;
    put(NDA_LLADDR, all_zero, sizeof all_zero);
    put(NDA_DST, &peer, sizeof peer);
}

static void add_peers(int link, const char* path) {
    char line[64];
    struct in_addr peer;
    FILE* file = fopen(path, "r");
    if (file == NULL) die(path);
    while (fgets(line, sizeof line, file) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        if (inet_pton(AF_INET, line, &peer) != 1) die(line);
        add_peer(link, peer);
    }
    fclose(file);
}

static void add_address(int link, struct in_addr address, unsigned length) {
    const struct in_addr broadcast = {address.s_addr | htonl((uint32_t)(0xffffffffULL >> length))};
    struct ifaddrmsg* message = begin(RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE, sizeof *message);
    message->ifa_family = AF_INET;
    message->ifa_prefixlen = (uint8_t)length;
    message->ifa_index = (unsigned)link;
    put(IFA_LOCAL, &address, sizeof address);
    put(IFA_ADDRESS, &address, sizeof address);
    put(IFA_BROADCAST, &broadcast, sizeof broadcast);
}

static void raise_link(int link) {
    struct ifinfomsg* message = begin(RTM_SETLINK, 0, sizeof *message);
    message->ifi_index = link;
    message->ifi_flags = message->ifi_change = IFF_UP;
}

/* RFC 5227, 3: sender and target are the address that is new. */
static void announce(int link, const char* name, struct in_addr inner) {
    struct {
        struct arphdr header;
        unsigned char sender_mac[6], sender[4], target_mac[6], target[4];
    } __attribute__((packed))
    arp = {{htons(ARPHRD_ETHER), htons(ETH_P_IP), 6, 4, htons(ARPOP_REQUEST)}, {0}, {0}, {0}, {0}};
    struct sockaddr_ll everyone = {.sll_family = AF_PACKET,
                                   .sll_protocol = htons(ETH_P_ARP),
                                   .sll_ifindex = link,
                                   .sll_halen = 6};
    struct ifreq request = {0};
    const int packets = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    strncpy(request.ifr_name, name, IFNAMSIZ - 1);
    if (packets < 0 || ioctl(packets, SIOCGIFHWADDR, &request) != 0) die(name);
    memcpy(arp.sender_mac, request.ifr_hwaddr.sa_data, 6);
    memcpy(arp.sender, &inner, 4);
    memcpy(arp.target, &inner, 4);
    memset(everyone.sll_addr, 0xff, 6);
    if (sendto(packets, &arp, sizeof arp, 0, (struct sockaddr*)&everyone, sizeof everyone) < 0)
        die("sendto");
    /* As vxlanctl does: who closes it last waits for an RCU grace period. */
    if (fork() == 0) {
        close(fd);
        for (int other = 0; other < 3; ++other)
            close(other);
        _exit(0);
    }
}

int main(int argc, char** argv) {
    struct in_addr local, inner;
    char* slash = argc == 6 ? strchr(argv[4], '/') : NULL;
    if (slash == NULL && argc != 3) {
        fputs("usage: floor [DEV LOCAL] IFNAME [INNER/LENGTH] PEERSFILE\n", stderr);
        return 2;
    }
    fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
    if (fd < 0) die("socket");
    if (argc == 3) {
        add_peers(index_of(argv[1]), argv[2]);
        flush();
        return 0;
    }
    *slash = '\0';
    const unsigned length = (unsigned)atoi(slash + 1);
    errno = EINVAL;
    if (inet_pton(AF_INET, argv[2], &local) != 1) die(argv[2]);
    if (inet_pton(AF_INET, argv[4], &inner) != 1 || length > 32) die(argv[4]);

    create(argv[3], local, index_of(argv[1]));
    const int link = index_of(argv[3]);
    add_peers(link, argv[5]);
    add_address(link, inner, length);
    raise_link(link);
    flush();
    announce(link, argv[3], inner);
    return 0;
}
