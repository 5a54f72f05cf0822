// A load generator that costs little: one thread, keep-alive connections, one request a connection at a time. A large body leaves
// by sendfile, so that the sender copies nothing. Each connection sends its bodies in turn (A, B, A, …), because a gateway may
// answer an update that is equal to the client's last from memory; such answers bear `Fed-Repeat` and are counted.
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "../common/common.h"

enum { MAX_BODIES = 4, COPY_BELOW = 65536, ANSWER_BYTES = 16384 };

struct body {
    int file;
    off_t size;
    char *bytes;  // mapped only when small enough to be copied
};

struct connection {
    int socket, busy, writing, turn, index;
    char head[MAX_BODIES][512];
    size_t head_size[MAX_BODIES], head_sent;
    off_t body_sent;
    char answer[ANSWER_BYTES + 1];
    size_t answer_size;
    double began;
};

static struct {
    struct sockaddr_in address;
    struct body bodies[MAX_BODIES];
    int body_count, poll;
    uint64_t limit, limit_bytes, started, started_bytes, busy, answered, bytes, repeats, broken, statuses[600];
    double stop_at;
    struct latencies latencies;
    char first_refusal[ANSWER_BYTES + 1];
} run;

static void watch(struct connection *c, int operation) {
    struct epoll_event event = {.events = c->writing ? EPOLLIN | EPOLLOUT : EPOLLIN, .data.ptr = c};
    if (epoll_ctl(run.poll, operation, c->socket, &event) != 0) die("epoll: %s", strerror(errno));
}

static void set_writing(struct connection *c, int writing) {
    if (c->writing == writing) return;
    c->writing = writing;
    watch(c, EPOLL_CTL_MOD);
}

static void open_connection(struct connection *c) {
    c->socket = socket(AF_INET, SOCK_STREAM, 0);
    if (c->socket < 0 || connect(c->socket, (struct sockaddr *)&run.address, sizeof run.address) != 0)
        die("load: cannot connect: %s", strerror(errno));
    int one = 1;
    setsockopt(c->socket, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    fcntl(c->socket, F_SETFL, O_NONBLOCK);
    c->writing = 0;
    watch(c, EPOLL_CTL_ADD);
}

/// Writes what the socket takes; 0 when all is sent, 1 when it is full, -1 when the peer is gone.
static int push(struct connection *c) {
    struct body *body = &run.bodies[c->turn];
    while (c->head_sent < c->head_size[c->turn] || c->body_sent < body->size) {
        size_t head = c->head_size[c->turn] - c->head_sent;
        ssize_t sent;
        if (body->bytes) {
            struct iovec parts[2] = {
                {c->head[c->turn] + c->head_sent, head},
                {body->bytes + c->body_sent, (size_t)(body->size - c->body_sent)},
            };
            struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
            sent = sendmsg(c->socket, &message, MSG_NOSIGNAL);
        } else if (head > 0) {
            sent = send(c->socket, c->head[c->turn] + c->head_sent, head, MSG_NOSIGNAL | MSG_MORE);
        } else {
            off_t from = c->body_sent;
            sent = sendfile(c->socket, body->file, &from, (size_t)(body->size - c->body_sent));
        }
        if (sent < 0) return errno == EAGAIN ? 1 : errno == EINTR ? 1 : -1;
        if (sent == 0) return -1;
        size_t of_head = (size_t)sent < head ? (size_t)sent : head;
        c->head_sent += of_head;
        c->body_sent += sent - (ssize_t)of_head;
    }
    return 0;
}

static void reconnect(struct connection *c) {
    close(c->socket);
    open_connection(c);
}

static void finish(struct connection *c) {
    c->busy = 0;
    run.busy--;
}

static void drive(struct connection *c) {
    int rest = push(c);
    if (rest >= 0) return set_writing(c, rest);
    // The peer is gone, but an early answer may lie in the socket: reading decides.
    set_writing(c, 0);
    shutdown(c->socket, SHUT_WR);
}

static void begin(struct connection *c) {
    off_t size = run.bodies[c->turn].size;
    if (now() >= run.stop_at || run.started >= run.limit || run.started_bytes + (uint64_t)size > run.limit_bytes) return;
    run.started++, run.started_bytes += (uint64_t)size, run.busy++;
    c->busy = 1;
    c->head_sent = c->answer_size = 0;
    c->body_sent = 0;
    c->began = now();
    drive(c);
}

/// Size of the complete answer at the buffer's start; 0 when there is more to come, -1 when it is no HTTP answer.
static ssize_t complete(struct connection *c) {
    c->answer[c->answer_size] = 0;
    char *end = strstr(c->answer, "\r\n\r\n");
    if (!end) return c->answer_size < ANSWER_BYTES ? 0 : -1;
    char *length = strcasestr(c->answer, "\r\nContent-Length:");
    size_t size = (size_t)(end + 4 - c->answer) + (length && length < end ? strtoull(length + 17, NULL, 10) : 0);
    if (size > ANSWER_BYTES) return -1;
    return size <= c->answer_size ? (ssize_t)size : 0;
}

static void count(struct connection *c, int status) {
    struct body *body = &run.bodies[c->turn];
    run.statuses[status]++;
    if (status == 202) {
        run.answered++;
        run.bytes += (uint64_t)body->size;
        if (strcasestr(c->answer, "\r\nFed-Repeat:")) run.repeats++;
        latencies_add(&run.latencies, now() - c->began);
    } else if (!run.first_refusal[0]) {
        strcpy(run.first_refusal, c->answer);
    }
}

static void readable(struct connection *c) {
    ssize_t got = recv(c->socket, c->answer + c->answer_size, ANSWER_BYTES - c->answer_size, 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (got > 0) c->answer_size += (size_t)got;
    ssize_t size = got > 0 ? complete(c) : -1;
    if (size == 0) return;
    int status = 0;
    if (size < 0 || !c->busy || sscanf(c->answer, "HTTP/1.%*c %3d", &status) != 1 || status < 100) {
        run.broken += c->busy;
        if (c->busy) finish(c);
        if (run.broken > 1000) die("load: the server broke 1000 requests");
        reconnect(c);
        return begin(c);
    }
    int whole = c->body_sent == run.bodies[c->turn].size;
    count(c, status);
    finish(c);
    c->turn = (c->turn + 1) % run.body_count;
    if (!whole || strcasestr(c->answer, "\r\nConnection: close")) reconnect(c);
    c->answer_size = 0;
    begin(c);
}

static void open_body(const char *path) {
    if (run.body_count == MAX_BODIES) die("at most %d bodies", MAX_BODIES);
    struct body *body = &run.bodies[run.body_count++];
    struct stat status;
    body->file = open(path, O_RDONLY);
    if (body->file < 0 || fstat(body->file, &status) != 0) die("load: cannot read %s", path);
    body->size = status.st_size;
    if (body->size >= COPY_BELOW) return;
    body->bytes = mmap(NULL, (size_t)body->size, PROT_READ, MAP_SHARED | MAP_POPULATE, body->file, 0);
    if (body->bytes == MAP_FAILED) die("load: cannot map %s", path);
}

static void print_result(double seconds, double cpu) {
    printf("{\"requests\":%llu,\"bytes\":%llu,\"seconds\":%.3f,\"p50_ms\":%.2f,\"p99_ms\":%.2f,\"max_ms\":%.2f,"
           "\"repeats\":%llu,\"broken\":%llu,\"cpu_seconds\":%.3f,\"statuses\":{",
           (unsigned long long)run.answered, (unsigned long long)run.bytes, seconds, latencies_at(&run.latencies, 0.5),
           latencies_at(&run.latencies, 0.99), latencies_at(&run.latencies, 1), (unsigned long long)run.repeats,
           (unsigned long long)run.broken, cpu);
    for (int i = 0, first = 1; i < 600; i++)
        if (run.statuses[i]) printf("%s\"%d\":%llu", first ? "" : ",", i, (unsigned long long)run.statuses[i]), first = 0;
    printf("}}\n");
    if (run.first_refusal[0]) fprintf(stderr, "load: first refusal:\n%s\n", run.first_refusal);
}

int main(int argc, char **argv) {
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    signal(SIGPIPE, SIG_IGN);  // sendfile has no MSG_NOSIGNAL
    for (int i = 1; i + 1 < argc; i++)
        if (strcmp(argv[i], "--body") == 0) open_body(argv[i + 1]);
    if (run.body_count == 0) die("load needs --body");
    unsigned port = (unsigned)number(argc, argv, "--port", NULL);
    run.address = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    run.address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    run.limit = number(argc, argv, "--requests", "1000000000000");
    run.limit_bytes = number(argc, argv, "--bytes", "1000000000000000");
    run.poll = epoll_create1(0);
    int count = (int)number(argc, argv, "--connections", "8");
    unsigned long long round = number(argc, argv, "--round", "1");
    const char *query = option(argc, argv, "--query", "");
    struct connection *connections = calloc((size_t)count, sizeof *connections);
    for (int i = 0; i < count; i++) {
        struct connection *c = &connections[i];
        for (int b = 0; b < run.body_count; b++) {
            int size = snprintf(
                c->head[b], sizeof c->head[b],
                "PUT /rounds/%llu/updates/client-%d%s HTTP/1.1\r\nHost: 127.0.0.1:%u\r\n"
                "Content-Type: application/vnd.fedwt\r\nContent-Length: %lld\r\n\r\n",
                round, i, query, port, (long long)run.bodies[b].size);
            if (size >= (int)sizeof c->head[b]) die("--query is too long");
            c->head_size[b] = (size_t)size;
        }
        open_connection(c);
    }
    double began = now(), cpu = cpu_seconds();
    run.stop_at = began + real(argc, argv, "--seconds", "5");
    for (int i = 0; i < count; i++) begin(&connections[i]);
    double patience = run.stop_at + real(argc, argv, "--patience", "60");
    while (run.busy > 0) {
        struct epoll_event events[64];
        int ready = epoll_wait(run.poll, events, 64, 1000);
        for (int i = 0; i < ready; i++) {
            struct connection *c = events[i].data.ptr;
            if (events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR))
                readable(c);
            else if (c->busy)
                drive(c);
        }
        if (now() > patience) break;  // what is still busy then is missing among the statuses
    }
    print_result(now() - began, cpu_seconds() - cpu);
    return 0;
}
