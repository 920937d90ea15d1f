/* The compiled fan-out: one call lays out, protects and sends the packets of a frame for every subscriber, one subscriber
 * after the other; several packets for one subscriber leave as one datagram of segments (UDP_SEGMENT).
 *
 * It makes the same bytes as fanout.py, and the same decisions; the tests compare both. It links to nothing: libsrtp's
 * srtp_protect is handed in by address, with the sessions that the Python side made and uses, too. Nothing is kept
 * between two calls but counters.
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
#define ENTRIES 32         /* packets in one call; segments in one datagram, of which the kernel allows 64 */
#define DATAGRAM 60000     /* bytes of one datagram of segments */
#define MESSAGES 256       /* datagrams that leave in one call of the kernel */
#define BYTES (256 * 1024) /* made before they leave: what a core's cache holds beside the rest */
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
    uint32_t size;
    uint32_t timestamp;
    uint32_t send_time;
    uint32_t picture_id;
    uint8_t marker;
    uint8_t has_picture;
    uint8_t id_at, id_wide, tl0_at, key_at;
    uint8_t tl0, key;
};

/* What one datagram carries. */
struct load {
    uint32_t packets;
    uint32_t size;         /* of every packet but the last */
    uint32_t overhead;     /* bytes of each that are not payload */
};

/* The size of the segments, as a datagram's control message says it. */
union control {
    char space[CMSG_SPACE(sizeof(uint16_t))];
    struct cmsghdr aligned;
};

struct engine {
    protect_function protect;
    uint64_t sent, octets, blocked;  /* octets: of payload */
    int32_t segmentation;  /* whether the kernel is believed to know UDP_SEGMENT */
    int32_t descriptor;    /* where what waits goes out */
    uint32_t count;        /* datagrams that wait */
    uint32_t used;         /* bytes of them */
    struct mmsghdr messages[MESSAGES];
    struct iovec iovs[MESSAGES];
    struct load loads[MESSAGES];
    union control controls[MESSAGES];
    uint8_t bytes[BYTES];
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
static uint32_t lay_out(struct engine *engine, uint8_t *at, const struct packet *packet, const uint8_t *payload,
                        const struct plan *plan, double now)
{
    uint32_t word = plan->first_word;
    int length = plan->head_length + packet->size;
    if (plan->newest) {
        uint64_t number = ++*plan->newest;
        plan->times[number & plan->history_mask] = now;
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

static void count_sent(struct engine *engine, uint32_t packets, uint32_t bytes, uint32_t overhead)
{
    engine->sent += packets;
    engine->octets += bytes - packets * overhead;
}

/* What could not leave as a datagram of segments: each packet alone. */
static void send_apart(struct engine *engine, const struct msghdr *message, const struct load *load)
{
    uint8_t *at = message->msg_iov->iov_base;
    size_t left = message->msg_iov->iov_len;
    while (left) {
        struct iovec one = {at, left < load->size ? left : load->size};
        struct msghdr alone = {.msg_name = message->msg_name, .msg_namelen = message->msg_namelen,
                               .msg_iov = &one, .msg_iovlen = 1};
        if (sendmsg(engine->descriptor, &alone, MSG_DONTWAIT) < 0)
            engine->blocked++;
        else
            count_sent(engine, 1, one.iov_len, load->overhead);
        at += one.iov_len;
        left -= one.iov_len;
    }
}

/* Send all that waits. */
static void flush(struct engine *engine)
{
    for (uint32_t done = 0; done < engine->count;) {
        int sent = sendmmsg(engine->descriptor, engine->messages + done, engine->count - done, MSG_DONTWAIT);
        if (sent < 0 && errno == EINTR)
            continue;
        for (int n = 0; n < sent; n++, done++)
            count_sent(engine, engine->loads[done].packets, engine->iovs[done].iov_len, engine->loads[done].overhead);
        if (sent > 0)
            continue;
        const struct load *load = &engine->loads[done];
        const struct msghdr *failed = &engine->messages[done++].msg_hdr;
        if (load->packets > 1 && errno != EAGAIN && errno != ENOBUFS) {
            if (errno == EIO || errno == ENOPROTOOPT)
                engine->segmentation = 0;  /* a kernel or an interface without it */
            send_apart(engine, failed, load);
        } else
            engine->blocked += load->packets;  /* no room, or no way there: lost, as on the way */
    }
    engine->count = engine->used = 0;
}

/* One more datagram for a subscriber, of bytes that stand in the engine. Its address is read when it leaves. */
static void enqueue(struct engine *engine, const struct plan *plan, uint8_t *bytes, uint32_t total, struct load load)
{
    uint32_t index = engine->count++;
    struct msghdr *header = &engine->messages[index].msg_hdr;
    engine->iovs[index] = (struct iovec){bytes, total};
    engine->loads[index] = load;
    *header = (struct msghdr){.msg_name = (void *)plan->address, .msg_namelen = plan->address_length,
                              .msg_iov = &engine->iovs[index], .msg_iovlen = 1};
    if (load.packets > 1) {
        uint16_t segment = load.size;
        header->msg_control = engine->controls[index].space;
        header->msg_controllen = sizeof engine->controls[index].space;
        struct cmsghdr *control = CMSG_FIRSTHDR(header);
        control->cmsg_level = SOL_UDP;
        control->cmsg_type = UDP_SEGMENT;
        control->cmsg_len = CMSG_LEN(sizeof segment);
        memcpy(CMSG_DATA(control), &segment, sizeof segment);
    }
}

/* All packets for one subscriber, in as few datagrams as there can be: segments are of one size, but for a shorter last
 * one. */
static void serve(struct engine *engine, const struct packet *packets, int count, const uint8_t *payload,
                  const struct plan *plan, double now)
{
    uint8_t *begin = engine->bytes + engine->used, *at = begin;
    struct load load = {0};
    uint32_t most = engine->segmentation ? ENTRIES : 1;
    for (int n = 0; n < count; payload += packets[n++].size) {
        uint32_t length = lay_out(engine, at, &packets[n], payload, plan, now);
        if (!length)
            continue;
        uint32_t total = at - begin;
        if (load.packets && (load.packets == most || length > load.size || total != load.packets * load.size ||
                             total + length > DATAGRAM)) {
            enqueue(engine, plan, begin, total, load);
            begin = at;
            load.packets = 0;
        }
        if (!load.packets++)
            load = (struct load){1, length, length - packets[n].size};
        at += length;
    }
    if (load.packets)
        enqueue(engine, plan, begin, at - begin, load);
    engine->used = at - engine->bytes;
}

/* The packets of a frame to every subscriber. When it returns all have left. */
void engine_forward(struct engine *engine, const struct packet *packets, int packet_count, const uint8_t *payloads,
                    const struct plan *plans, int plan_count, double now)
{
    for (const struct plan *plan = plans; plan < plans + plan_count; plan++) {
        if (engine->descriptor != plan->descriptor || engine->used + packet_count * SLOT > BYTES ||
            engine->count + packet_count > MESSAGES) {
            flush(engine);
            engine->descriptor = plan->descriptor;
        }
        serve(engine, packets, packet_count, payloads, plan, now);
    }
    flush(engine);
}
