// Long-polls by the thousand: one thread, one connection each, and the kernel's own time of each answer's arrival, so that
// what the reader of the answers costs is not in what it measures. It does what its standard input says, a line at a time:
//
//     ask PATH      sends GET PATH on every connection; prints `{"asked":N}` when all are sent
//     collect       waits for all answers, then reads them; prints a line of JSON
//
// With --eager it reads every answer as it comes, as so many clients on this machine would.
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../common/common.h"

enum { ANSWER_BYTES = 16384, PATIENCE_SECONDS = 70 };

struct poll {
    int socket, answered;
    double arrived;  // of the answer's last byte, seconds since 1970
};

static struct {
    struct poll *polls;
    size_t count;
    int epoll, eager;
    unsigned statuses[600];
    size_t body;
    char answer[ANSWER_BYTES + 1];
} run;

static double seconds(struct timespec t) { return (double)t.tv_sec + (double)t.tv_nsec * 1e-9; }

static void open_all(unsigned port) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    for (size_t i = 0; i < run.count; i++) {
        struct poll *p = &run.polls[i];
        p->socket = socket(AF_INET, SOCK_STREAM, 0);
        if (p->socket < 0 || connect(p->socket, (struct sockaddr *)&address, sizeof address) != 0)
            die("polls: connection %zu: %s", i, strerror(errno));
        int one = 1;
        setsockopt(p->socket, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        if (setsockopt(p->socket, SOL_SOCKET, SO_TIMESTAMPNS, &one, sizeof one) != 0) die("polls: no times of arrival");
        fcntl(p->socket, F_SETFL, O_NONBLOCK);
    }
}

static void ask(const char *path) {
    char text[512];
    int size = snprintf(text, sizeof text, "GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", path);
    if (size >= (int)sizeof text) die("polls: the path is too long");
    if (run.epoll >= 0) close(run.epoll);
    run.epoll = epoll_create1(0);
    for (size_t i = 0; i < run.count; i++) {
        struct poll *p = &run.polls[i];
        p->answered = 0;
        if (send(p->socket, text, (size_t)size, MSG_NOSIGNAL) != size) die("polls: cannot send: %s", strerror(errno));
        if (!run.eager) continue;
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = p};
        if (epoll_ctl(run.epoll, EPOLL_CTL_ADD, p->socket, &event) != 0) die("polls: epoll: %s", strerror(errno));
    }
    printf("{\"asked\":%zu}\n", run.count);
    fflush(stdout);
}

/// Reads the answer, which has to be there whole, as it is sent whole.
static void take(struct poll *p) {
    char control[256];
    struct iovec part = {run.answer, ANSWER_BYTES};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    ssize_t got = recvmsg(p->socket, &message, 0);
    if (got <= 0) die("polls: a connection ended without an answer: %s", got ? strerror(errno) : "closed");
    p->arrived = 0;
    for (struct cmsghdr *c = CMSG_FIRSTHDR(&message); c; c = CMSG_NXTHDR(&message, c))
        if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_TIMESTAMPNS) {
            struct timespec t;
            memcpy(&t, CMSG_DATA(c), sizeof t);
            p->arrived = seconds(t);
        }
    if (p->arrived == 0) die("polls: the kernel gave no time of arrival");
    run.answer[got] = 0;
    int status;
    char *end = strstr(run.answer, "\r\n\r\n"), *length = strcasestr(run.answer, "\r\nContent-Length:");
    if (sscanf(run.answer, "HTTP/1.1 %3d", &status) != 1 || status < 100 || !end || !length || length > end)
        die("polls: no answer: %.200s", run.answer);
    run.body = strtoull(length + 17, NULL, 10);
    if ((size_t)got != (size_t)(end + 4 - run.answer) + run.body) die("polls: an answer came in parts");
    run.statuses[status]++;
    p->answered = 1;
}

static void collect_eagerly(void) {
    for (size_t left = run.count; left > 0;) {
        struct epoll_event events[512];
        int ready = epoll_wait(run.epoll, events, 512, PATIENCE_SECONDS * 1000);
        if (ready == 0) die("polls: %zu were not answered", left);
        for (int i = 0; i < ready; i++) {
            struct poll *p = events[i].data.ptr;
            if (p->answered) die("polls: more than an answer");
            take(p);
            left--;
        }
    }
}

/// Waits for one after the other; who waits for the first of them sleeps until nearly all are there.
static void collect_quietly(void) {
    for (size_t i = 0; i < run.count; i++) {
        struct pollfd ready = {.fd = run.polls[i].socket, .events = POLLIN};
        if (poll(&ready, 1, PATIENCE_SECONDS * 1000) != 1) die("polls: number %zu was not answered", i);
        // The first one says that they are coming: half a second later all are there, or are waited for.
        if (i == 0) usleep(500000);
        take(&run.polls[i]);
    }
}

static int by_time(const void *a, const void *b) {
    double x = ((const struct poll *)a)->arrived, y = ((const struct poll *)b)->arrived;
    return (x > y) - (x < y);
}

static void collect(void) {
    memset(run.statuses, 0, sizeof run.statuses);
    if (run.eager) collect_eagerly();
    else collect_quietly();
    qsort(run.polls, run.count, sizeof *run.polls, by_time);
    printf("{\"first\":%.6f,\"median\":%.6f,\"last\":%.6f,\"body\":%zu,\"statuses\":{", run.polls[0].arrived,
           run.polls[run.count / 2].arrived, run.polls[run.count - 1].arrived, run.body);
    for (int i = 0, first = 1; i < 600; i++)
        if (run.statuses[i]) printf("%s\"%d\":%u", first ? "" : ",", i, run.statuses[i]), first = 0;
    printf("}}\n");
    fflush(stdout);
}

int main(int argc, char **argv) {
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    run.count = number(argc, argv, "--connections", "10000");
    run.polls = calloc(run.count, sizeof *run.polls);
    if (!run.polls || run.count == 0) die("polls: --connections");
    run.eager = flag(argc, argv, "--eager");
    run.epoll = -1;
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    open_all((unsigned)number(argc, argv, "--port", NULL));
    printf("{\"connected\":%zu}\n", run.count);
    fflush(stdout);
    char line[400];
    while (fgets(line, sizeof line, stdin)) {
        line[strcspn(line, "\n")] = 0;
        if (strncmp(line, "ask ", 4) == 0) ask(line + 4);
        else if (strcmp(line, "collect") == 0) collect();
        else die("polls: what is '%s'?", line);
    }
    return 0;
}
