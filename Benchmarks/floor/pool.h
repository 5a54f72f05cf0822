// The floor's memory: a fixed number of slots, one a request, each with a buffer that is mapped once and used again.
#pragma once

#include <microhttpd.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <sys/mman.h>

#include "../common/common.h"

enum state { RECEIVING, WAITING, REPORTED };
/// What a delivery report is about: the first field of either.
enum kind { RECORD, CHUNK };
enum { CHUNKS = 8, CHUNK_BYTES = 1 << 20 };

struct chunk {
    enum kind kind;
    struct slot *owner;
    char *bytes;
    size_t used;
};

/// Of a body that is too large for a record. The lock is for what the reports' thread changes, too.
struct chunks {
    char *bytes, id[64];
    struct chunk all[CHUNKS], *free[CHUNKS], *filling;
    unsigned index;
    pthread_mutex_t lock;
    int free_count, flying, waiting, ending;
};

/// One request from its headers to its end. The worker writes it until WAITING, the report's thread until REPORTED.
struct slot {
    enum kind kind;
    int is_large;
    struct chunks chunks;
    struct slot *next;
    struct MHD_Connection *connection;
    char *bytes;
    size_t expected, used;
    EVP_MD_CTX *sha;
    enum state state;
    int64_t offset;
    int32_t partition;
    int failed;
    char client[72];
};

struct pool {
    pthread_mutex_t lock;
    struct slot *slots, *free;
    size_t slot_bytes;
};

static inline void pool_make(struct pool *pool, size_t count, size_t slot_bytes) {
    pthread_mutex_init(&pool->lock, NULL);
    pool->slot_bytes = slot_bytes;
    pool->free = NULL;
    pool->slots = calloc(count, sizeof(struct slot));
    if (!pool->slots) die("no memory for %zu slots", count);
    for (size_t i = 0; i < count; i++) {
        struct slot *slot = &pool->slots[i];
        // Reserved only: a page costs memory once a body reached it, and the list hands out the last one used first.
        slot->bytes = mmap(NULL, slot_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        slot->sha = EVP_MD_CTX_new();
        if (slot->bytes == MAP_FAILED || !slot->sha) die("no memory for slot %zu", i);
        slot->next = pool->free;
        pool->free = slot;
    }
}

static inline struct slot *pool_take(struct pool *pool) {
    pthread_mutex_lock(&pool->lock);
    struct slot *slot = pool->free;
    if (slot) pool->free = slot->next;
    pthread_mutex_unlock(&pool->lock);
    return slot;
}

static inline void pool_give(struct pool *pool, struct slot *slot) {
    pthread_mutex_lock(&pool->lock);
    slot->next = pool->free;
    pool->free = slot;
    pthread_mutex_unlock(&pool->lock);
}
