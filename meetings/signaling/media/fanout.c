/* The compiled fan-out: one call for each incoming packet lays out, protects and queues it for every subscriber; what
 * is queued leaves by sendmmsg, and several packets for one address as one datagram of segments (UDP_SEGMENT).
 *
 * It makes the same bytes as forward.py, and the same decisions; the tests compare both. It links to nothing: libsrtp's
 * srtp_protect is handed in by address, with the sessions that the Python side made and uses, too.
 */

#define _GNU_SOURCE
#include <errno.h>
#include <netinet/in.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif
#ifndef SOL_UDP
#define SOL_UDP 17
#endif

#define SLOT 2048          /* bytes for one packet; the Python side gives no longer ones */
#define QUEUE 512          /* packets that wait at most; about what a core's cache holds */
#define TABLE 2048         /* open addressing, never more than a quarter full */
#define SEGMENTS 32        /* in one datagram; the kernel allows 64 */
#define DATAGRAM 60000     /* bytes of one datagram of segments */
#define HEAD 60            /* of an RTP header as forward.py lays it out, at most */

typedef int (*protect_function)(void *session, void *packet, int *length);

/* What forward.Plan holds. */
struct plan {
    void *session;
    int64_t *newest;       /* transport-wide numbers; 0: none */
    double *times;
    uint16_t *sizes;
    int64_t sequence_offset;
    uint32_t timestamp_offset;
    uint32_t ssrc;
    uint32_t first_word;
    uint32_t mask;         /* of the time of sending within the first word */
    uint32_t picture_offset, tl0_offset, key_offset;
    int32_t descriptor;    /* a socket */
    uint32_t hash;         /* of the socket and the address */
    uint32_t history_mask;
    uint8_t payload_type;
    uint8_t head_length;
    uint8_t rewrites;      /* whether the VP8 descriptor is changed */
    uint8_t address_length;
    uint8_t head[HEAD];    /* from the extension's header on; its first word is filled in */
    uint8_t address[28];   /* a sockaddr */
};

/* What forward.Entry holds, but for the payload. */
struct packet {
    int64_t sequence;
    double now;
    uint32_t size;
    uint32_t timestamp;
    uint32_t send_time;
    uint8_t marker;
    uint8_t has_picture;
    uint8_t id_at, id_wide, tl0_at, key_at;
    uint8_t tl0, key;
    uint32_t picture_id;
};

struct queued {
    int32_t next;          /* packet of the same address, or -1 */
    int32_t last;          /* of an address's first packet: its last one */
    uint32_t length;
    uint32_t payload;      /* of it, before protection */
};

/* The size of the segments, as a datagram's control message says it. */
union control {
    char space[CMSG_SPACE(sizeof(uint16_t))];
    struct cmsghdr aligned;
};

struct engine {
    protect_function protect;
    uint64_t sent, octets, blocked;  /* octets: of payload */
    int32_t count;         /* packets that wait */
    int32_t segmentation;  /* whether the kernel is believed to know UDP_SEGMENT */
    int32_t heads;         /* addresses that packets wait for */
    int32_t first[QUEUE];  /* the first packet of each of them */
    int32_t table[TABLE];  /* packet index + 1 */
    struct queued queued[QUEUE];
    uint8_t addresses[QUEUE][28];
    uint8_t address_lengths[QUEUE];
    int32_t descriptors[QUEUE];
    uint32_t hashes[QUEUE];
    struct mmsghdr messages[QUEUE];  /* what one call sends: */
    struct iovec iovs[QUEUE];
    uint32_t payloads[QUEUE];        /* for each of the iovs */
    union control controls[QUEUE];
    uint8_t packets[QUEUE][SLOT];
};

/* By this the Python side knows that it speaks of the same structures. */
const char *fanout_source(void) { return FANOUT_SOURCE; }

size_t engine_size(void) { return sizeof(struct engine); }
uint64_t engine_sent(const struct engine *engine) { return engine->sent; }
uint64_t engine_octets(const struct engine *engine) { return engine->octets; }
uint64_t engine_blocked(const struct engine *engine) { return engine->blocked; }

void engine_begin(struct engine *engine, protect_function protect)
{
    memset(engine, 0, sizeof *engine);
    engine->protect = protect;
    engine->segmentation = 1;
}

static void put16(uint8_t *at, uint32_t value) { at[0] = value >> 8; at[1] = value; }
static void put32(uint8_t *at, uint32_t value) { put16(at, value >> 16); put16(at + 2, value); }

/* The VP8 payload descriptor, as vp8.rewrite does it. */
static void rewrite(uint8_t *at, const struct packet *packet, const struct plan *plan)
{
    if (packet->id_at) {
        uint32_t number = packet->picture_id + plan->picture_offset;
        if (packet->id_wide)
            put16(at + packet->id_at, (number & 0x7FFF) | 0x8000);
        else
            at[packet->id_at] = number & 0x7F;
    }
    if (packet->tl0_at)
        at[packet->tl0_at] = packet->tl0 + plan->tl0_offset;
    if (packet->key_at)
        at[packet->key_at] = (at[packet->key_at] & 0xE0) | ((packet->key + plan->key_offset) & 0x1F);
}

/* One packet for one subscriber; its length, or 0 when libsrtp refuses it. */
static int lay_out(struct engine *engine, uint8_t *at, const struct packet *packet, const uint8_t *payload,
                   const struct plan *plan)
{
    uint32_t word = plan->first_word;
    int length = plan->head_length + packet->size;
    if (plan->newest) {
        uint64_t number = ++*plan->newest;
        plan->times[number & plan->history_mask] = packet->now;
        plan->sizes[number & plan->history_mask] = length;
        word |= (number & 0xFFFF) << 8;
    } else
        word |= packet->send_time & plan->mask;
    at[0] = 0x90;
    at[1] = packet->marker | plan->payload_type;
    put16(at + 2, (uint64_t)(packet->sequence + plan->sequence_offset) & 0xFFFF);
    put32(at + 4, packet->timestamp + plan->timestamp_offset);
    put32(at + 8, plan->ssrc);
    memcpy(at + 12, plan->head, plan->head_length - 12);
    put32(at + 16, word);
    memcpy(at + plan->head_length, payload, packet->size);
    if (plan->rewrites && packet->has_picture)
        rewrite(at + plan->head_length, packet, plan);
    return engine->protect(plan->session, at, &length) ? 0 : length;
}

/* Queue behind what waits for the same address. The address is copied: the plan may be gone when the queue is sent. */
static void enqueue(struct engine *engine, const struct plan *plan, uint32_t length, uint32_t payload)
{
    int32_t index = engine->count++;
    struct queued *own = &engine->queued[index];
    uint32_t at = plan->hash % TABLE;
    own->next = -1;
    own->last = index;
    own->length = length;
    own->payload = payload;
    for (;; at = (at + 1) % TABLE) {
        int32_t head = engine->table[at] - 1;
        if (head < 0)
            break;
        if (engine->hashes[head] == plan->hash && engine->descriptors[head] == plan->descriptor &&
            engine->address_lengths[head] == plan->address_length &&
            !memcmp(engine->addresses[head], plan->address, plan->address_length)) {
            engine->queued[engine->queued[head].last].next = index;
            engine->queued[head].last = index;
            return;
        }
    }
    engine->table[at] = index + 1;
    engine->first[engine->heads++] = index;
    engine->hashes[index] = plan->hash;
    engine->descriptors[index] = plan->descriptor;
    engine->address_lengths[index] = plan->address_length;
    memcpy(engine->addresses[index], plan->address, plan->address_length);
}

static void count_sent(struct engine *engine, const struct msghdr *message)
{
    engine->sent += message->msg_iovlen;
    for (size_t n = 0; n < message->msg_iovlen; n++)
        engine->octets += engine->payloads[message->msg_iov + n - engine->iovs];
}

/* What could not leave as a datagram of segments: each packet alone. */
static void send_apart(struct engine *engine, int descriptor, const struct msghdr *message)
{
    for (size_t n = 0; n < message->msg_iovlen; n++) {
        struct msghdr alone = {.msg_name = message->msg_name, .msg_namelen = message->msg_namelen,
                               .msg_iov = message->msg_iov + n, .msg_iovlen = 1};
        if (sendmsg(descriptor, &alone, MSG_DONTWAIT) < 0)
            engine->blocked++;
        else
            count_sent(engine, &alone);
    }
}

/* The first `count` messages, through one socket. */
static void send_messages(struct engine *engine, int descriptor, int count)
{
    for (int done = 0; done < count;) {
        int sent = sendmmsg(descriptor, engine->messages + done, count - done, MSG_DONTWAIT);
        if (sent < 0 && errno == EINTR)
            continue;
        for (int n = 0; n < sent; n++)
            count_sent(engine, &engine->messages[done++].msg_hdr);
        if (sent > 0)
            continue;
        const struct msghdr *failed = &engine->messages[done++].msg_hdr;
        if (failed->msg_iovlen > 1 && errno != EAGAIN && errno != ENOBUFS) {
            if (errno == EIO || errno == ENOPROTOOPT)
                engine->segmentation = 0;  /* a kernel or an interface without it */
            send_apart(engine, descriptor, failed);
        } else
            engine->blocked += failed->msg_iovlen;  /* no room, or no way there: lost, as on the way */
    }
}

/* Put the next packets for an address into one message, all of one length but for a shorter last one. Gives the first
 * that does not fit any more, or -1. */
static int32_t gather(struct engine *engine, int32_t index, int message, int used)
{
    struct msghdr *header = &engine->messages[message].msg_hdr;
    uint32_t size = engine->queued[index].length, last = size, total = 0;
    int most = engine->segmentation ? SEGMENTS : 1, taken = 0;
    while (index >= 0 && taken < most && last == size) {
        const struct queued *next = &engine->queued[index];
        if (next->length > size || total + next->length > DATAGRAM)
            break;
        engine->iovs[used + taken] = (struct iovec){engine->packets[index], next->length};
        engine->payloads[used + taken] = next->payload;
        total += last = next->length;
        taken++;
        index = next->next;
    }
    memset(header, 0, sizeof *header);
    header->msg_iov = engine->iovs + used;
    header->msg_iovlen = taken;
    if (taken > 1) {
        uint16_t segment = size;
        header->msg_control = engine->controls[message].space;
        header->msg_controllen = sizeof engine->controls[message].space;
        struct cmsghdr *control = CMSG_FIRSTHDR(header);
        control->cmsg_level = SOL_UDP;
        control->cmsg_type = UDP_SEGMENT;
        control->cmsg_len = CMSG_LEN(sizeof segment);
        memcpy(CMSG_DATA(control), &segment, sizeof segment);
    }
    return index;
}

/* Empty the places of the addresses, and whatever stands behind them in a row. */
static void forget_addresses(struct engine *engine)
{
    for (int n = 0; n < engine->heads; n++) {
        uint32_t at = engine->hashes[engine->first[n]] % TABLE;
        for (; engine->table[at]; at = (at + 1) % TABLE)
            engine->table[at] = 0;
    }
    engine->count = engine->heads = 0;
}

/* Send all that waits. */
void engine_flush(struct engine *engine)
{
    int count = 0, used = 0, descriptor = -1;
    for (int n = 0; n < engine->heads; n++) {
        int32_t head = engine->first[n];
        if (descriptor != engine->descriptors[head]) {
            send_messages(engine, descriptor, count);
            count = used = 0;
            descriptor = engine->descriptors[head];
        }
        for (int32_t index = head; index >= 0; count++) {
            index = gather(engine, index, count, used);
            struct msghdr *header = &engine->messages[count].msg_hdr;
            header->msg_name = engine->addresses[head];
            header->msg_namelen = engine->address_lengths[head];
            used += header->msg_iovlen;
        }
    }
    send_messages(engine, descriptor, count);
    forget_addresses(engine);
}

/* One incoming packet to every subscriber. It leaves at the latest with the next engine_flush. */
void engine_fan_out(struct engine *engine, const struct packet *packet, const uint8_t *payload,
                    const struct plan *plans, int count)
{
    for (int n = 0; n < count; n++) {
        if (engine->count == QUEUE)
            engine_flush(engine);
        int length = lay_out(engine, engine->packets[engine->count], packet, payload, &plans[n]);
        if (length)
            enqueue(engine, &plans[n], length, packet->size);
    }
}
