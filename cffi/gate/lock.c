/* The manager's lock: recursive, and fair, so that a busy poll() cannot starve other threads. */
#include "gate.h"

static uintptr_t self(void) {
  return (uintptr_t) pthread_self();
}

void lock_init(Lock *lock) {
  pthread_mutex_init(&lock->mutex, NULL);
  pthread_cond_init(&lock->turn, NULL);
  lock->next = lock->serving = 0;
  lock->depth = 0;
  atomic_store(&lock->owner, 0);
}

void lock_destroy(Lock *lock) {
  pthread_cond_destroy(&lock->turn);
  pthread_mutex_destroy(&lock->mutex);
}

bool lock_is_mine(const Lock *lock) {
  return atomic_load_explicit(&lock->owner, memory_order_relaxed) == self();
}

static void taken(Lock *lock) {
  atomic_store_explicit(&lock->owner, self(), memory_order_relaxed);
  lock->depth = 1;
}

/* Takes the lock if no thread has it or waits for it. */
bool lock_try(Lock *lock) {
  if (lock_is_mine(lock)) {
    lock->depth++;
    return true;
  }
  pthread_mutex_lock(&lock->mutex);
  bool ok = lock->next == lock->serving;
  if (ok) {
    lock->next++;
    taken(lock);
  }
  pthread_mutex_unlock(&lock->mutex);
  return ok;
}

/* Takes the lock, waiting for it. Not to be called by its owner, nor with the GIL held. */
void lock_wait(Lock *lock) {
  pthread_mutex_lock(&lock->mutex);
  unsigned long mine = lock->next++;
  while (lock->serving != mine) pthread_cond_wait(&lock->turn, &lock->mutex);
  taken(lock);
  pthread_mutex_unlock(&lock->mutex);
}

void lock_release(Lock *lock) {
  if (--lock->depth > 0) return;
  atomic_store_explicit(&lock->owner, 0, memory_order_relaxed);
  pthread_mutex_lock(&lock->mutex);
  bool waiters = ++lock->serving != lock->next;
  if (waiters) pthread_cond_broadcast(&lock->turn);
  pthread_mutex_unlock(&lock->mutex);
}
