// The producer that the floor and the bare producer share, so that both talk to the broker in the same way.
#pragma once

#include <librdkafka/rdkafka.h>

#include "common.h"

static inline void conf_set(rd_kafka_conf_t *conf, const char *name, const char *value) {
    char reason[256];
    if (rd_kafka_conf_set(conf, name, value, reason, sizeof reason) != RD_KAFKA_CONF_OK) die("%s: %s", name, reason);
}

/// Idempotent, acks=all, linger 0, no Nagle; the queue admits what the caller's own bound admits. Every `--set KEY=VALUE` of the
/// command line changes a setting of the library, to try what it costs or gains.
static inline rd_kafka_t *new_producer(
    int argc, char **argv, void (*report)(rd_kafka_t *, const rd_kafka_message_t *, void *)) {
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    conf_set(conf, "bootstrap.servers", option(argc, argv, "--kafka", NULL));
    conf_set(conf, "enable.idempotence", "true");
    conf_set(conf, "acks", "all");
    conf_set(conf, "linger.ms", "0");
    conf_set(conf, "partitioner", "murmur2_random");
    conf_set(conf, "socket.nagle.disable", "true");
    conf_set(conf, "compression.codec", "none");
    conf_set(conf, "message.max.bytes", "33554432");
    conf_set(conf, "queue.buffering.max.kbytes", "2097151");
    conf_set(conf, "delivery.timeout.ms", "30000");
    conf_set(conf, "log_level", "3");  // a fresh broker's "load in progress" is no news
    for (int i = 1; i + 1 < argc; i++) {
        char *value = strcmp(argv[i], "--set") == 0 ? strchr(argv[i + 1], '=') : NULL;
        if (!value) continue;
        *value = 0;
        conf_set(conf, argv[i + 1], value + 1);
        *value = '=';
    }
    rd_kafka_conf_set_dr_msg_cb(conf, report);
    char reason[256];
    rd_kafka_t *producer = rd_kafka_new(RD_KAFKA_PRODUCER, conf, reason, sizeof reason);
    if (!producer) die("producer: %s", reason);
    return producer;
}

/// Waits until the topic has a leader, so that connecting is no part of what is measured.
static inline rd_kafka_topic_t *open_topic(rd_kafka_t *client, const char *name) {
    rd_kafka_topic_t *topic = rd_kafka_topic_new(client, name, NULL);
    if (!topic) die("topic %s: %s", name, rd_kafka_err2str(rd_kafka_last_error()));
    const struct rd_kafka_metadata *metadata;
    rd_kafka_resp_err_t error = rd_kafka_metadata(client, 0, topic, &metadata, 15000);
    if (error) die("metadata of %s: %s", name, rd_kafka_err2str(error));
    error = metadata->topics[0].err;
    rd_kafka_metadata_destroy(metadata);
    if (error) die("topic %s: %s", name, rd_kafka_err2str(error));
    return topic;
}
