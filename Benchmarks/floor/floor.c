// The floor: the least that an HTTP front door of Kafka can cost on the same two libraries. A PUT's body goes into one buffer of
// a fixed pool, is hashed as it comes, and becomes the value of a record by reference; the delivery report wakes the connection,
// which answers 202. What is too large for a record goes in chunks. Nothing is checked: what a gateway costs above this is what its checks
// and its language cost.
#include <arpa/inet.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "../common/kafka.h"
#include "chunks.h"
#include "pool.h"

static struct {
    struct pool pool;
    rd_kafka_t *producer;
    rd_kafka_topic_t *topic;
    const char *topic_name;
    EVP_MD *sha256;
    int hashes;
    size_t max_body;
    atomic_int waiting, stopping;
    // Records that the library holds, and those that wait outside it because it holds `window` already (0: no window).
    pthread_mutex_t gate;
    unsigned window, inside;
    struct slot *queued, **queue_end;
    atomic_ullong stored, bytes, refused;
} front;

// Answers ---------------------------------------------------------------------------------------------------------------------

static enum MHD_Result answer(struct MHD_Connection *connection, unsigned status, const char *text, size_t length) {
    struct MHD_Response *response = MHD_create_response_from_buffer(length, (void *)text, MHD_RESPMEM_MUST_COPY);
    if (!response) return MHD_NO;
    MHD_add_response_header(response, "Content-Type", status == 202 ? "application/json" : "text/plain");
    enum MHD_Result result = MHD_queue_response(connection, status, response);
    MHD_destroy_response(response);
    return result;
}

static enum MHD_Result refuse(struct MHD_Connection *connection, unsigned status, const char *why) {
    atomic_fetch_add_explicit(&front.refused, 1, memory_order_relaxed);
    return answer(connection, status, why, strlen(why));
}

static enum MHD_Result receipt(struct MHD_Connection *connection, struct slot *slot) {
    if (slot->failed) return refuse(connection, 503, rd_kafka_err2str(slot->failed));
    unsigned char digest[EVP_MAX_MD_SIZE];
    char hex[2 * EVP_MAX_MD_SIZE + 1] = "";
    unsigned length = 0;
    if (front.hashes && EVP_DigestFinal_ex(slot->sha, digest, &length) != 1) return MHD_NO;
    for (unsigned i = 0; i < length; i++) snprintf(hex + 2 * i, 3, "%02x", digest[i]);
    char text[512];
    int size = snprintf(
        text, sizeof text,
        "{\"topic\":\"%s\",\"partition\":%d,\"offset\":%lld,\"client_id\":\"%s\",\"stored_size\":%zu,\"checksum\":\"%s\"}\n",
        front.topic_name, slot->partition, (long long)slot->offset, slot->client, slot->used, hex);
    return answer(connection, 202, text, (size_t)size);
}

// Kafka -----------------------------------------------------------------------------------------------------------------------

static void finish(struct slot *slot, int error) {
    slot->failed = error;
    slot->state = REPORTED;
    if (!error) {
        atomic_fetch_add_explicit(&front.stored, 1, memory_order_relaxed);
        atomic_fetch_add_explicit(&front.bytes, slot->used, memory_order_relaxed);
    }
    // Behind the resume the slot belongs to the connection's worker again.
    MHD_resume_connection(slot->connection);
    atomic_fetch_sub(&front.waiting, 1);
}

static void produce(struct slot *slot) {
    // The commit record of chunks; a body's digest and the message around it would stand in it.
    char *value = slot->is_large ? slot->chunks.id : slot->bytes;
    size_t size = slot->is_large ? strlen(slot->chunks.id) : slot->used;
    if (rd_kafka_produce(front.topic, RD_KAFKA_PARTITION_UA, 0, value, size, slot->client, strlen(slot->client), slot) != 0)
        finish(slot, rd_kafka_last_error());
}

/// A sixth request in flight makes an idempotent producer's thread poll without rest: a window of 5 shows what that costs.
static int admitted(struct slot *slot) {
    if (front.window == 0) return 1;
    pthread_mutex_lock(&front.gate);
    int free = front.inside < front.window;
    if (free) {
        front.inside++;
    } else {
        slot->next = NULL;
        *front.queue_end = slot;
        front.queue_end = &slot->next;
    }
    pthread_mutex_unlock(&front.gate);
    return free;
}

/// The record whose turn it is now that one left the library.
static struct slot *next_queued(void) {
    if (front.window == 0) return NULL;
    pthread_mutex_lock(&front.gate);
    struct slot *slot = front.queued;
    if (slot) {
        front.queued = slot->next;
        if (!front.queued) front.queue_end = &front.queued;
    } else {
        front.inside--;
    }
    pthread_mutex_unlock(&front.gate);
    return slot;
}

static void commit(struct slot *slot) {
    if (slot->failed) finish(slot, slot->failed);
    else produce(slot);
}

/// Runs on the thread of `serve_reports`.
static void reported(rd_kafka_t *producer, const rd_kafka_message_t *message, void *opaque) {
    (void)producer, (void)opaque;
    if (*(enum kind *)message->_private == CHUNK) {
        struct chunk *chunk = message->_private;
        if (chunks_landed(chunk, message->err)) commit(chunk->owner);
        return;
    }
    struct slot *slot = message->_private, *next = slot->is_large ? NULL : next_queued();
    if (next) produce(next);
    slot->offset = message->offset;
    slot->partition = message->partition;
    finish(slot, message->err);
}

static void *serve_reports(void *unused) {
    (void)unused;
    while (!atomic_load(&front.stopping) || atomic_load(&front.waiting) > 0) rd_kafka_poll(front.producer, 200);
    return NULL;
}

/// The commit record goes when the last chunk is acknowledged: here, or by the thread of the reports.
static enum MHD_Result store_chunks(struct MHD_Connection *connection, struct slot *slot) {
    struct chunks *c = &slot->chunks;
    if (c->filling && c->filling->used > 0) chunks_send(slot, front.producer, front.topic_name);
    pthread_mutex_lock(&c->lock);
    c->ending = 1;
    MHD_suspend_connection(connection);
    int is_last = c->flying == 0;
    pthread_mutex_unlock(&c->lock);
    if (is_last) commit(slot);
    return MHD_YES;
}

/// The connection sleeps before the record leaves, because the report may be there before `produce` returns.
static enum MHD_Result store(struct MHD_Connection *connection, struct slot *slot) {
    slot->connection = connection;
    slot->state = WAITING;
    atomic_fetch_add(&front.waiting, 1);
    if (slot->is_large) return store_chunks(connection, slot);
    MHD_suspend_connection(connection);
    if (admitted(slot)) produce(slot);
    return MHD_YES;
}

// HTTP ------------------------------------------------------------------------------------------------------------------------

/// The slot for a PUT of `/rounds/N/updates/CLIENT`, or the answer that refuses it.
static enum MHD_Result begin(struct MHD_Connection *connection, const char *url, const char *method, void **context) {
    const char *client = strrchr(url, '/');
    if (strcmp(method, "PUT") != 0 || strncmp(url, "/rounds/", 8) != 0 || strlen(client) < 2)
        return refuse(connection, 404, "PUT /rounds/N/updates/CLIENT\n");
    if (strlen(client) > sizeof ((struct slot *)0)->client || strpbrk(client, "\"\\%"))
        return refuse(connection, 400, "client id\n");
    const char *length = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Content-Length");
    if (!length) return refuse(connection, 411, "Content-Length\n");
    size_t expected = strtoull(length, NULL, 10);
    if (expected > front.max_body) return refuse(connection, 413, "too large\n");
    struct slot *slot = pool_take(&front.pool);
    if (!slot) return refuse(connection, 503, "every slot is taken\n");
    *context = slot;
    slot->state = RECEIVING;
    slot->expected = expected;
    slot->used = 0;
    slot->failed = 0;
    slot->kind = RECORD;
    slot->connection = connection;
    slot->is_large = expected > front.pool.slot_bytes;
    if (slot->is_large) chunks_begin(slot);
    strcpy(slot->client, client + 1);
    if (front.hashes && EVP_DigestInit_ex2(slot->sha, front.sha256, NULL) != 1) return MHD_NO;
    return MHD_YES;
}

static enum MHD_Result receive(struct slot *slot, const char *data, size_t *size) {
    if (slot->is_large) {
        size_t before = *size;
        if (chunks_take(slot, data, size, front.producer, front.topic_name) != MHD_YES) return MHD_NO;
        return front.hashes && EVP_DigestUpdate(slot->sha, data, before - *size) != 1 ? MHD_NO : MHD_YES;
    }
    if (*size > slot->expected - slot->used) return MHD_NO;
    memcpy(slot->bytes + slot->used, data, *size);
    if (front.hashes && EVP_DigestUpdate(slot->sha, data, *size) != 1) return MHD_NO;
    slot->used += *size;
    *size = 0;
    return MHD_YES;
}

static enum MHD_Result handle(
    void *unused, struct MHD_Connection *connection, const char *url, const char *method, const char *version,
    const char *data, size_t *size, void **context) {
    (void)unused, (void)version;
    struct slot *slot = *context;
    if (!slot) return begin(connection, url, method, context);
    if (*size > 0) return receive(slot, data, size);
    return slot->state == RECEIVING ? store(connection, slot) : receipt(connection, slot);
}

static void completed(
    void *unused, struct MHD_Connection *connection, void **context, enum MHD_RequestTerminationCode code) {
    (void)unused, (void)connection, (void)code;
    struct slot *slot = *context;
    // A client that left in the middle: the library still reads its chunks.
    if (slot && slot->is_large) chunks_settle(slot);
    if (slot) pool_give(&front.pool, slot);
    *context = NULL;
}

// Start and stop --------------------------------------------------------------------------------------------------------------

static struct MHD_Daemon *listen_at(const char *text, unsigned connections, unsigned threads, size_t memory) {
    char host[64];
    unsigned port;
    if (sscanf(text, "%63[0-9.]:%u", host, &port) != 2 || port > 65535) die("--listen wants ADDRESS:PORT");
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    if (inet_pton(AF_INET, host, &address.sin_addr) != 1) die("--listen: '%s' is no address", host);
    struct MHD_Daemon *daemon = MHD_start_daemon(
        MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG, (uint16_t)port, NULL, NULL, handle,
        NULL, MHD_OPTION_SOCK_ADDR, (struct sockaddr *)&address, MHD_OPTION_THREAD_POOL_SIZE, threads,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, memory, MHD_OPTION_CONNECTION_LIMIT, connections,
        MHD_OPTION_LISTEN_BACKLOG_SIZE, 512u, MHD_OPTION_NOTIFY_COMPLETED, completed, NULL, MHD_OPTION_END);
    if (!daemon) die("cannot listen at %s", text);
    fprintf(stderr, "floor: listening on http://%s\n", text);
    return daemon;
}

int main(int argc, char **argv) {
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
    signal(SIGPIPE, SIG_IGN);

    pthread_mutex_init(&front.gate, NULL);
    front.queue_end = &front.queued;
    front.window = (unsigned)number(argc, argv, "--window", "0");
    size_t slots = number(argc, argv, "--slots", "128");
    front.max_body = number(argc, argv, "--max-body", "16777216");
    // A larger one goes in chunks.
    size_t record = number(argc, argv, "--max-record", "33554432");
    pool_make(&front.pool, slots, front.max_body < record ? front.max_body : record);
    front.hashes = !flag(argc, argv, "--no-sha");
    front.sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
    front.topic_name = option(argc, argv, "--topic", "federated_weight_updates");
    front.producer = new_producer(argc, argv, reported);
    front.topic = open_topic(front.producer, front.topic_name);
    pthread_t reports;
    if (pthread_create(&reports, NULL, serve_reports, NULL) != 0) die("no thread");
    unsigned threads = (unsigned)number(argc, argv, "--threads", "2");
    struct MHD_Daemon *daemon = listen_at(
        option(argc, argv, "--listen", NULL), (unsigned)number(argc, argv, "--connections", "1024"), threads,
        number(argc, argv, "--memory-limit", "65536"));

    int signal_number;
    sigwait(&signals, &signal_number);
    // A daemon stopped over a sleeping connection aborts: first no new ones, then every report, then the stop.
    int socket = MHD_quiesce_daemon(daemon);
    if (socket >= 0) close(socket);
    for (int i = 0; i < 350 && atomic_load(&front.waiting) > 0; i++) usleep(100000);
    if (atomic_load(&front.waiting) > 0) die("floor: records without a report after 35 s");
    MHD_stop_daemon(daemon);
    atomic_store(&front.stopping, 1);
    pthread_join(reports, NULL);
    rd_kafka_topic_destroy(front.topic);
    rd_kafka_destroy(front.producer);
    printf("{\"stored\":%llu,\"bytes\":%llu,\"refused\":%llu}\n", front.stored, front.bytes, front.refused);
    return 0;
}
