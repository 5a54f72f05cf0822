// What librdkafka's own producer reaches with as many records in flight as the servers get connections: the broker's end of the
// road alone. Every record has a buffer of its own, as a server's have, and goes by reference.
#include <signal.h>
#include <sys/prctl.h>

#include "../common/kafka.h"

struct record {
    char *bytes;
    double sent;
    char key[32];
};

static struct {
    rd_kafka_topic_t *topic;
    size_t size;
    uint64_t limit, sent, stored, failed, in_flight;
    double deadline;
    struct latencies latencies;
    volatile sig_atomic_t stopping;
} run;

static void send_record(struct record *record) {
    record->sent = now();
    if (run.stopping || record->sent > run.deadline || run.sent >= run.limit) return;
    if (rd_kafka_produce(
            run.topic, RD_KAFKA_PARTITION_UA, 0, record->bytes, run.size, record->key, strlen(record->key), record) != 0)
        die("produce: %s", rd_kafka_err2str(rd_kafka_last_error()));
    run.sent++, run.in_flight++;
}

static void reported(rd_kafka_t *producer, const rd_kafka_message_t *message, void *opaque) {
    (void)producer, (void)opaque;
    struct record *record = message->_private;
    run.in_flight--;
    if (message->err) {
        if (run.failed++ == 0) fprintf(stderr, "producer: %s\n", rd_kafka_err2str(message->err));
    } else {
        run.stored++;
        latencies_add(&run.latencies, now() - record->sent);
    }
    send_record(record);
}

static void stop(int unused) {
    (void)unused;
    run.stopping = 1;
}

int main(int argc, char **argv) {
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    signal(SIGTERM, stop);
    signal(SIGINT, stop);
    uint64_t count = number(argc, argv, "--in-flight", "8");
    FILE *file = fopen(option(argc, argv, "--body", NULL), "rb");
    if (!file || fseek(file, 0, SEEK_END) != 0) die("cannot read the body");
    run.size = (size_t)ftell(file);
    run.limit = number(argc, argv, "--requests", "1000000000000");
    struct record *records = calloc(count, sizeof *records);
    for (uint64_t i = 0; i < count; i++) {
        records[i].bytes = malloc(run.size);
        rewind(file);
        if (!records[i].bytes || fread(records[i].bytes, 1, run.size, file) != run.size) die("cannot read the body");
        snprintf(records[i].key, sizeof records[i].key, "client-%llu", (unsigned long long)i);
    }
    fclose(file);
    rd_kafka_t *producer = new_producer(argc, argv, reported);
    run.topic = open_topic(producer, option(argc, argv, "--topic", "federated_weight_updates"));

    // The first records find the broker's connection and the producer's id; they are not measured.
    run.deadline = 1e18;
    uint64_t limit = run.limit;
    for (run.limit = 1; run.stored < 1;) {
        if (run.in_flight == 0) run.sent = 0, send_record(&records[0]);
        rd_kafka_poll(producer, 100);
        if (run.failed > 10) die("the broker takes no records");
    }
    run.sent = run.stored = run.failed = run.latencies.seen = 0;
    run.limit = limit;

    double began = now(), cpu = cpu_seconds();
    run.deadline = began + real(argc, argv, "--seconds", "5");
    for (uint64_t i = 0; i < count; i++) send_record(&records[i]);
    while (run.in_flight > 0) rd_kafka_poll(producer, 100);
    double seconds = now() - began;
    cpu = cpu_seconds() - cpu;
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    double bytes = (double)run.stored * (double)run.size;
    printf("{\"requests\":%llu,\"failed\":%llu,\"bytes\":%.0f,\"seconds\":%.3f,\"mb_per_second\":%.1f,"
           "\"per_second\":%.1f,\"cpu_seconds\":%.3f,\"peak_rss_kb\":%ld,\"p50_ms\":%.2f,\"p99_ms\":%.2f}\n",
           (unsigned long long)run.stored, (unsigned long long)run.failed, bytes, seconds, bytes / seconds / 1e6,
           (double)run.stored / seconds, cpu, usage.ru_maxrss, latencies_at(&run.latencies, 0.5),
           latencies_at(&run.latencies, 0.99));
    rd_kafka_topic_destroy(run.topic);
    rd_kafka_destroy(producer);
    return run.failed > 0;
}
