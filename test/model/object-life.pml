/*
 * The life of an object: one digest, at most N objects for it, writers of which one may be overtaken in its session,
 * a composer that makes another object of one, a pusher, a remover, a reader, a reviewer, and a store whose deletes come
 * late and twice. A transaction is one atomic step, since Postgres makes it so. Every step may be the last one of its
 * process (kill -9).
 *
 * "does:" names the function that a step stands for; a test holds that each of them exists.
 * A MUTANT_… switch is an easy mistake: the verifier must find every one of them.
 */
#define N 3
#define NONE 255
#define EMPTY 0
#define GOOD 1  /* hashes to the digest */
#define BAD 2

mtype = { absent, uploading, live, condemned, purging, gone };

/* Rows (Postgres). */
mtype state[N] = absent;
byte epoch[N];
bool leased[N];
byte blob = NONE;       /* the digest's row: which object it names */
bool held;              /* a visible manifest holds the digest */
bool pinned;
bool review;            /* the digest's review, and how often it was queued */
byte seq;
byte nextId;

/* The store. */
byte bytes[N] = EMPTY;
byte writing[N];        /* writes under way in the file of an object */
bool asked[N];          /* the store answered a delete of this object */
bool begun[N];          /* an upload of parts that was neither completed nor aborted */
chan deletes = [2] of { byte };

/* Ghosts: what was promised outside. */
byte promised;          /* pushers between "it exists" and their manifest PUT, within their pin */
byte reading[N];        /* reads under a lease */
byte shared = NONE;     /* a session known to two writers: a client retries while its first request still runs */

#ifdef MUTANT_CONTENT_KEY
#define KEY(o) 0
#else
#define KEY(o) (o)
#endif

#define MAY_DIE if :: skip :: goto dead fi

inline queueReview() { review = true; seq = (seq + 1) % 4 }

proctype Writer(bool joins) {
  byte o = NONE; byte e; byte what;
  /* does: SessionStore.open */
  atomic {
    if
    :: !joins && nextId < N -> o = nextId; nextId++; state[o] = uploading; if :: shared == NONE -> shared = o :: else fi
    :: joins && shared != NONE -> o = shared
    fi
  };
  /* does: SessionStore.take */
  atomic {
    if
    :: state[o] == uploading -> epoch[o]++; e = epoch[o]
    :: else -> goto dead
    fi
  };
  /* The loser's writes have ended before the successor writes. does: FolderDriver.takeWriting */
#ifndef MUTANT_LATE_WRITE
  writing[KEY(o)] == 0;
#endif
  if :: what = GOOD :: what = BAD fi;
  /*
   * A write begins only while the session is held, and never after a purge: the purge stops the writer first, and the
   * driver takes no more for that id. does: FolderDriver.write  does: UploadSessions.stopWriting
   */
  atomic {
    if
#ifdef MUTANT_WRITE_AFTER_PURGE
    :: true -> writing[KEY(o)]++
#else
    :: epoch[o] == e && state[o] == uploading -> writing[KEY(o)]++
    :: else -> goto dead
#endif
    fi
  };
  atomic {
    if
    :: bytes[KEY(o)] = what; writing[KEY(o)]--
    :: writing[KEY(o)]--; goto dead
    fi
  };
  /* does: SessionStore.commitExtent */
  atomic {
    if
    :: state[o] == uploading && epoch[o] == e -> skip
    :: else -> goto dead
    fi
  };
  MAY_DIE;
  if
  :: bytes[KEY(o)] != GOOD ->
     /* does: SessionStore.abort */
     atomic {
#ifdef MUTANT_ABORT_WITHOUT_EPOCH
       state[o] = purging
#else
       if
       :: state[o] == uploading && epoch[o] == e -> state[o] = purging
       :: else -> skip
       fi
#endif
     }
  :: bytes[KEY(o)] == GOOD ->
     MAY_DIE;
     /* Verified; what it verified it wrote itself, under its epoch. does: FinishSessionHandler.finish */
     atomic {
       if
#ifdef MUTANT_FINISH_WITHOUT_STATE
       :: true ->
#else
       :: state[o] == uploading && epoch[o] == e ->
#endif
          if
          :: blob == NONE -> state[o] = live; blob = o
#ifdef MUTANT_SECOND_WRITER_REPLACES
          :: blob != NONE -> state[o] = live; blob = o
#else
          :: blob != NONE -> state[o] = condemned
#endif
          fi;
          pinned = true;
          queueReview()
       :: else -> skip
       fi
     }
  fi;
dead: skip
}

/* A whole upload in one step, where it is not the uploads that are looked at. */
proctype Uploaded() {
  atomic {
    nextId < N;
    epoch[nextId] = 1;
    bytes[KEY(nextId)] = GOOD;
    if
    :: blob == NONE -> state[nextId] = live; blob = nextId
    :: else -> state[nextId] = condemned
    fi;
    nextId++;
    pinned = true;
    queueReview()
  }
}

/* An object of many keys is made one of one key: a new object, swapped in. */
proctype Composer() {
  byte from; byte o; byte copied; bool may;
  /* The intent first; the id is given to this claim alone. does: ComposingStore.claim */
  atomic {
    blob != NONE && nextId < N -> from = blob; o = nextId; nextId++; state[o] = uploading; epoch[o] = 1
#ifdef MUTANT_COMPOSED_LIVE_BEFORE_BYTES
    ; state[o] = live; blob = o; state[from] = condemned
#endif
  };
  MAY_DIE;
  /* does: S3Multipart.begin */
  atomic {
    if
    :: !asked[o] -> begun[o] = true
    :: else -> goto dead
    fi
  };
  /* Server-side copies; they fail, or find the source's bytes gone. does: S3Composer.compose */
  atomic {
    if
    :: copied = bytes[KEY(from)]
    :: copied = EMPTY
    fi
  };
  MAY_DIE;
  if
  :: copied == EMPTY -> goto failed
  :: copied != EMPTY -> skip
  fi;
  /* The store refuses what was aborted. does: S3Multipart.complete */
  atomic {
    if
#ifdef MUTANT_COMPOSED_AFTER_ABORT
    :: true -> bytes[KEY(o)] = copied; begun[o] = false
#else
    :: begun[o] -> bytes[KEY(o)] = copied; begun[o] = false
    :: else -> goto failed
#endif
    fi
  };
  MAY_DIE;
  /* Only while the digest names the source, and the claim is this one's. does: ComposingStore.swap */
  atomic {
#ifdef MUTANT_COMPOSED_WITHOUT_BLOB
    may = state[o] == uploading;
#else
#ifdef MUTANT_COMPOSED_WITHOUT_STATE
    may = blob == from;
#else
    may = state[o] == uploading && blob == from;
#endif
#endif
    if
#ifdef MUTANT_COMPOSED_PURGES_SOURCE
    :: may -> state[o] = live; blob = o; state[from] = purging
#else
    :: may -> state[o] = live; blob = o; state[from] = condemned
#endif
    :: !may && state[o] == uploading -> state[o] = purging
    :: else -> skip
    fi
  };
  if
  :: goto dead
  :: skip                                        /* its answer was lost: unknown is asked, never compensated */
  fi;
failed:
  /* does: ComposingStore.fail */
  atomic {
#ifdef MUTANT_COMPOSED_TIMEOUT_IS_FAILURE
    may = true;
#else
    if
    :: state[o] == uploading -> state[o] = purging
    :: else -> skip
    fi;
    may = state[o] == purging || state[o] == gone;
#endif
    from = NONE; copied = EMPTY
  };
  /* It clears what it wrote, once that is committed. does: ComposingHandler.clear */
  if
  :: may && nfull(deletes) -> deletes!o
  :: skip
  fi;
dead: skip
}

proctype Pusher() {
  bool promise; byte o;
  /* "It exists" is pinned before it is said. does: HotQuestions.findBlobs */
  atomic {
    blob != NONE ->
#ifndef MUTANT_EXISTS_WITHOUT_PIN
    pinned = true;
    queueReview();
#endif
    promised++;
    promise = true
  };
  if
  :: skip
  :: atomic { promised--; promise = false }     /* its pin's time has passed */
  fi;
  /* The manifest comes. does: CommitManifestHandler.commit */
  atomic {
    if
#ifdef MUTANT_PUT_TRUSTS_HEAD
    :: true -> held = true
#else
    :: blob != NONE -> held = true
#endif
    :: else ->
       assert(!promise);                         /* P4 */
       o = 0;
       do
#ifdef MUTANT_RESURRECT_PURGING
       :: o < N && (state[o] == condemned || state[o] == purging) -> state[o] = live; blob = o; held = true; break
       :: o < N && state[o] != condemned && state[o] != purging -> o++
#else
       :: o < N && state[o] == condemned -> state[o] = live; blob = o; held = true; break
       :: o < N && state[o] != condemned -> o++
#endif
       :: o == N -> break
       od
    fi;
    if :: promise -> promised-- :: else fi
  }
}

/* The manifest leaves its last repository. does: ManifestReviewStore.review */
proctype Remover() {
end:
  atomic { held -> held = false; queueReview() }
}

/* Time passes a pin by, never while somebody may still come within it. */
proctype Clock() {
end:
  do
  :: atomic { pinned && promised == 0 -> pinned = false }
  od
}

proctype Reader() {
  byte o;
  /* does: ObjectStore.lease */
end:
  atomic { blob != NONE -> o = blob; leased[o] = true; reading[o]++ };
  /* The read ends, or the lease of a reader that died does. does: ObjectStore.release */
  atomic { reading[o]--; leased[o] = false }
}

#ifdef MUTANT_CONDEMN_IGNORES_PIN
#define NOT_PINNED true
#else
#define NOT_PINNED !pinned
#endif
/* Decided by what was read before the lock, or by what is read after it. */
#ifdef MUTANT_CONDEMN_BY_OLD_READ
#define FREE (!idle && NOT_PINNED)
#else
#define FREE (!held && NOT_PINNED)
#endif
#ifdef MUTANT_REVIEW_DROPPED
#define UNCHANGED true
#define KEPT idle
#else
#define UNCHANGED (review && seen == seq)
#define KEPT (held || blob == NONE)
#endif

proctype Reviewer() {
  byte seen; bool idle;
end:
  do
  /* Read, then lock, read again and decide; a row that was queued meanwhile stays. does: BlobReviewStore.review */
  :: atomic { review && NOT_PINNED -> seen = seq; idle = (held || blob == NONE) };
     atomic {
       if
       :: UNCHANGED && KEPT -> review = false
       :: UNCHANGED && blob != NONE && FREE -> state[blob] = condemned; blob = NONE; review = false
       :: else -> skip
       fi
     }
  od
}

/* What happens to one object after it lost its digest. */
proctype Purger(byte o) {
end:
  do
  /* Grace has passed. does: PurgeStore.claim */
#ifdef MUTANT_PURGE_IGNORES_LEASE
  :: atomic { state[o] == condemned -> state[o] = purging }
#else
  :: atomic { state[o] == condemned && !leased[o] -> state[o] = purging }
#endif
  /* A session ran out, while its writer may be alive. does: PurgeStore.claim */
  :: atomic { state[o] == uploading && epoch[o] > 0 -> state[o] = purging; epoch[o]++ }
  /* The store is asked; the answer may be lost, so it may be asked again. does: BlobsController.purgeObject */
  :: atomic { state[o] == purging && !asked[o] && nfull(deletes) -> deletes!o }
#ifdef MUTANT_DELETE_BEFORE_COMMIT
  :: atomic { state[o] == condemned && nfull(deletes) -> deletes!o }
#endif
  /* The tombstone goes after the bytes. does: PurgeStore.forget */
#ifdef MUTANT_FORGET_BEFORE_DELETE
  :: atomic { state[o] == purging && writing[KEY(o)] == 0 -> state[o] = gone }
#else
  :: atomic { state[o] == purging && asked[o] && writing[KEY(o)] == 0 -> state[o] = gone }
#endif
  od
}

inline deleteBytes(o) {
  assert(state[o] == purging || state[o] == gone);   /* P3 */
  bytes[KEY(o)] = EMPTY;
  begun[o] = false;                              /* uploads are aborted before keys are listed. does: MinioDriver.purge */
  asked[o] = true
}

/* Deletes arrive late, and any number of times; one that meets a write under way is asked for again. */
proctype Store() {
  byte o;
end:
  do
  :: atomic { deletes?<o> -> if :: writing[KEY(o)] == 0 -> deleteBytes(o) :: else -> deletes?o fi }
  :: atomic { deletes?o -> if :: writing[KEY(o)] == 0 -> deleteBytes(o) :: else fi }
  od
}

/* A digest that is usable has its bytes, and they are right (P1, P2); a lost review leaves garbage for ever (P6). */
#define USABLE_IS_WHOLE (blob == NONE || (state[blob] == live && bytes[KEY(blob)] == GOOD))
#define HELD_IS_USABLE (!held || blob != NONE)
#define LEASED_STAYS (bytes[KEY(0)] != EMPTY || reading[0] == 0) && (reading[1] == 0 || bytes[KEY(1)] != EMPTY) && (reading[2] == 0 || bytes[KEY(2)] != EMPTY)
#define NO_LIVE_ORPHAN (state[0] != live || blob == 0) && (state[1] != live || blob == 1) && (state[2] != live || blob == 2)
#define GARBAGE_IS_KNOWN (blob == NONE || held || review)
#define EMPTIED(o) (state[o] != gone || (bytes[o] == EMPTY && !begun[o]))
#define GONE_IS_EMPTY (EMPTIED(0) && EMPTIED(1) && EMPTIED(2))

proctype Laws() {
end:
  atomic {
    !(USABLE_IS_WHOLE && HELD_IS_USABLE && LEASED_STAYS && NO_LIVE_ORPHAN && GARBAGE_IS_KNOWN && GONE_IS_EMPTY) ->
    assert(USABLE_IS_WHOLE);
    assert(HELD_IS_USABLE);
    assert(LEASED_STAYS);
    assert(NO_LIVE_ORPHAN);
    assert(GARBAGE_IS_KNOWN);
    assert(GONE_IS_EMPTY)
  }
}

/*
 * Three casts, for all at once would be more states than can be walked through: uploads; composing; and a composing
 * that is taken over by another, without those who only rely on the digest.
 */
init {
  atomic {
    run Laws();
#ifdef COMPOSING
    run Uploaded(); run Uploaded(); run Composer();
#else
#ifdef TAKING_OVER
    run Uploaded(); run Composer(); run Composer();
#else
    run Writer(false); run Writer(true); run Writer(false);
#endif
#endif
#ifndef TAKING_OVER
    run Pusher(); run Reader();
#endif
    run Remover(); run Clock();
    run Reviewer();
    run Purger(0); run Purger(1); run Purger(2);
    run Store()
  }
}
