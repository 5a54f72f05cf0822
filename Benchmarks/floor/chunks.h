// A body that is too large for a record, as the gateway sends it: chunk records of a MiB as it comes, told by two headers, eight on
// their way at most, and a commit record once all of them are acknowledged.
#pragma once

#include <unistd.h>

#include "../common/kafka.h"
#include "pool.h"

static inline void chunks_begin(struct slot *slot) {
    struct chunks *c = &slot->chunks;
    if (!c->bytes) {
        c->bytes = mmap(NULL, CHUNKS * CHUNK_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (c->bytes == MAP_FAILED) die("no memory for chunks");
        pthread_mutex_init(&c->lock, NULL);
    }
    static _Atomic uint64_t number;
    snprintf(c->id, sizeof c->id, "floor-%016llx-%016llx", (unsigned long long)time(NULL), (unsigned long long)++number);
    c->free_count = c->flying = c->index = c->waiting = c->ending = 0;
    c->filling = NULL;
    for (int i = 0; i < CHUNKS; i++) {
        c->all[i] = (struct chunk){.kind = CHUNK, .owner = slot, .bytes = c->bytes + (size_t)i * CHUNK_BYTES};
        c->free[c->free_count++] = &c->all[i];
    }
}

/// Sends the chunk that is being filled; its delivery report gives it back.
static inline int chunks_send(struct slot *slot, rd_kafka_t *producer, const char *topic) {
    struct chunks *c = &slot->chunks;
    struct chunk *chunk = c->filling;
    c->filling = NULL;
    char index[16];
    int size = snprintf(index, sizeof index, "%u", c->index++);
    pthread_mutex_lock(&c->lock);
    c->flying++;
    pthread_mutex_unlock(&c->lock);
    rd_kafka_resp_err_t error = rd_kafka_producev(
        producer, RD_KAFKA_V_TOPIC(topic), RD_KAFKA_V_KEY(slot->client, strlen(slot->client)),
        RD_KAFKA_V_VALUE(chunk->bytes, chunk->used), RD_KAFKA_V_HEADER("fed-message-id", c->id, (ssize_t)strlen(c->id)),
        RD_KAFKA_V_HEADER("fed-chunk-index", index, (ssize_t)size), RD_KAFKA_V_OPAQUE(chunk), RD_KAFKA_V_END);
    if (error) {
        pthread_mutex_lock(&c->lock);
        c->flying--;
        pthread_mutex_unlock(&c->lock);
        slot->failed = error;
    }
    return error == 0;
}

/// Takes what there is room for; the connection sleeps when all chunks are on their way.
static inline enum MHD_Result chunks_take(
    struct slot *slot, const char *data, size_t *size, rd_kafka_t *producer, const char *topic) {
    struct chunks *c = &slot->chunks;
    if (*size > slot->expected - slot->used) return MHD_NO;
    size_t taken = 0;
    while (taken < *size) {
        if (!c->filling) {
            pthread_mutex_lock(&c->lock);
            if (c->free_count > 0) {
                c->filling = c->free[--c->free_count];
                c->filling->used = 0;
            } else if (taken == 0) {
                c->waiting = 1;
                MHD_suspend_connection(slot->connection);
            }
            pthread_mutex_unlock(&c->lock);
            if (!c->filling) break;
        }
        size_t part = *size - taken, room = CHUNK_BYTES - c->filling->used;
        if (part > room) part = room;
        memcpy(c->filling->bytes + c->filling->used, data + taken, part);
        c->filling->used += part;
        taken += part;
        if (c->filling->used == CHUNK_BYTES && !chunks_send(slot, producer, topic)) return MHD_NO;
    }
    slot->used += taken;
    *size -= taken;
    return MHD_YES;
}

/// Whether the commit record may go: the body is over and no chunk is on its way.
///
/// Thread: that of the reports.
static inline int chunks_landed(struct chunk *chunk, int error) {
    struct slot *slot = chunk->owner;
    struct chunks *c = &slot->chunks;
    pthread_mutex_lock(&c->lock);
    if (error) slot->failed = error;
    c->free[c->free_count++] = chunk;
    int commits = --c->flying == 0 && c->ending, wakes = c->waiting;
    c->waiting = 0;
    if (wakes) MHD_resume_connection(slot->connection);
    pthread_mutex_unlock(&c->lock);
    return commits;
}

/// Waits until no chunk is on its way.
static inline void chunks_settle(struct slot *slot) {
    for (;;) {
        pthread_mutex_lock(&slot->chunks.lock);
        int flying = slot->chunks.flying;
        pthread_mutex_unlock(&slot->chunks.lock);
        if (flying == 0) return;
        usleep(1000);
    }
}
