/* handfast's descriptor ownership in Promela: the machine of model/src/ownership/handfast and the history of
 * specs/src/ownership, with the same variables in a state and one transition for each action. `spin.sh` explores it,
 * and expects as many states and transitions as handfast's own explorer finds.
 *
 * What varies is given by -D: THREADS, NUMBERS, INCARNATIONS, SHARED (a bit for each descriptor that others join),
 * OPENERS, DELETERS (the first thread that deletes from outside), TAKEOVERS, ARRIVALS. Descriptors are named by
 * incarnation. It wants `spin -o2`: the history is only written, and Spin would leave it out of the state.
 */

#define BIT(n) (1 << (n))
#define HAS(set, n) ((set) & BIT(n))
#define IS_SHARED(i) (((SHARED) >> (i)) & 1)
#define ANY_SHARED ((SHARED) != 0)
#define ANY_OWN ((SHARED) != BIT(INCARNATIONS) - 1)

/* The word of each slot. `owner` is a thread, or EVERYBODY. */
#define FREE 0
#define HELD 1
#define LIVE 2
#define EVERYBODY THREADS
byte generation[NUMBERS];
byte word[NUMBERS];
byte owner[NUMBERS];
byte runners[NUMBERS];
bool closing[NUMBERS];
byte payload[NUMBERS]; /* an incarnation and one, or nothing */

/* How far each thread is, with which descriptor, and the generation of its token. */
#define REST 0
#define OPENED 1
#define CLAIMED 2
#define INSIDE 3
#define HOLDING 4
#define WIPED 5
#define DEREGISTERING 6
byte at[THREADS];
byte with[THREADS];
byte token[THREADS];

/* Reports: the generation of the token and one, or nothing. Registrations: 0 for none, then two for each generation, of
 * which the second is due. */
#define OF(t, i) ((t) * INCARNATIONS + (i))
#define QUIET(g) (1 + 2 * (g))
#define DUE(g) (2 + 2 * (g))
#define IS_DUE(r) ((r) != 0 && (r) % 2 == 0)
byte report[THREADS * INCARNATIONS];
byte registration[THREADS * INCARNATIONS];

/* What the kernel knows of each descriptor. */
bool open[INCARNATIONS];
byte number[INCARNATIONS];
bool data[INCARNATIONS];
byte arrivals[INCARNATIONS];
byte next;
byte takeovers;

/* The history: what threads were told. Sets of threads are bits; threads count from one where none is zero. */
#define STAGE_OPEN 1
#define STAGE_LIVE 2
#define STAGE_WIPED 3
#define STAGE_CLOSED 4
byte stage[INCARNATIONS];
byte belongs[INCARNATIONS];
byte inside[INCARNATIONS];
bool deleting[INCARNATIONS];
byte closer[INCARNATIONS];
bool waiting[INCARNATIONS];
byte watching[INCARNATIONS];
byte astray[INCARNATIONS];
byte calling;

/* For the length of a transition. (A loop must not be the last thing in one: `k = 0` follows it.) */
hidden byte n;
hidden byte i;
hidden byte g;
hidden byte k;

#define GO(t, where, which, generation_) at[t] = where; with[t] = which; token[t] = generation_

/* OWN-4, OWN-5: what is entered is what was meant, and not to be closed. */
#define ENTERED(t, found, meant) \
    assert((found) == (meant) && !deleting[found]); \
    inside[found] = inside[found] | BIT(t)

/* OWN-3: one thread is told to close. */
#define HOLD(t, which, generation_) \
    n = number[which]; word[n] = HELD; owner[n] = 0; runners[n] = 0; closing[n] = 0; \
    GO(t, HOLDING, which, generation_); \
    calling = calling | BIT(t); \
    assert(closer[which] == 0); \
    closer[which] = (t) + 1

/* There is a free number. */
#define IN_USE(m) (open[0] && number[0] == (m) \
    || (INCARNATIONS > 1 && open[1 % INCARNATIONS] && number[1 % INCARNATIONS] == (m)) \
    || (INCARNATIONS > 2 && open[2 % INCARNATIONS] && number[2 % INCARNATIONS] == (m)))
#define FREE_NUMBER (!IN_USE(0) || (NUMBERS > 1 && !IN_USE(1)))

#define IN_TABLE(which) ((which) < next && payload[number[which]] == (which) + 1)
#define WATCHES(t, which) (registration[OF(t, which)] != 0)
#define REPORTS_OF(t) (report[OF(t, 0)] != 0 \
    || (INCARNATIONS > 1 && report[OF(t, 1 % INCARNATIONS)] != 0) \
    || (INCARNATIONS > 2 && report[OF(t, 2 % INCARNATIONS)] != 0))
#define DUES_OF(t) (IS_DUE(registration[OF(t, 0)]) \
    || (INCARNATIONS > 1 && IS_DUE(registration[OF(t, 1 % INCARNATIONS)])) \
    || (INCARNATIONS > 2 && IS_DUE(registration[OF(t, 2 % INCARNATIONS)])))

#define OPEN(t, which) \
    :: d_step { (t) < OPENERS && at[t] == REST && next == (which) && FREE_NUMBER -> \
        if :: !IN_USE(0) -> n = 0 :: else -> n = 1 fi; \
        next++; open[which] = 1; number[which] = n; \
        GO(t, OPENED, which, 0); \
        stage[which] = STAGE_OPEN }

#define CLAIM(t) \
    :: d_step { (t) < OPENERS && at[t] == OPENED && word[number[with[t]]] == FREE -> \
        n = number[with[t]]; word[n] = HELD; at[t] = CLAIMED; \
        calling = calling | BIT(t); \
        assert(payload[n] == 0) }

#define INSERT(t, whose, is_there) \
    :: d_step { (t) < OPENERS && (is_there) && at[t] == CLAIMED -> \
        i = with[t]; n = number[i]; \
        word[n] = LIVE; owner[n] = whose; runners[n] = 1; closing[n] = 0; payload[n] = i + 1; \
        GO(t, INSIDE, i, generation[n]); \
        stage[i] = STAGE_LIVE; belongs[i] = (whose) + 1; \
        ENTERED(t, i, i); \
        calling = calling & ~BIT(t) }

#define WATCH(t) \
    :: d_step { at[t] == INSIDE && !WATCHES(t, with[t]) -> \
        i = with[t]; \
        registration[OF(t, i)] = QUIET(token[t]) + data[i]; \
        watching[i] = watching[i] | BIT(t) }

#define ARRIVE(which) \
    :: d_step { (which) < next && open[which] && !data[which] && arrivals[which] != ARRIVALS -> \
        arrivals[which]++; data[which] = 1; waiting[which] = 1; \
        k = 0; \
        do :: k < THREADS -> \
            if :: registration[OF(k, which)] % 2 == 1 -> registration[OF(k, which)]++ :: else fi; \
            k++ \
        :: else -> break od; k = 0 }

#define POLL(t) \
    :: d_step { at[t] == REST && !REPORTS_OF(t) && DUES_OF(t) -> \
        k = 0; \
        do :: k < INCARNATIONS -> \
            if :: IS_DUE(registration[OF(t, k)]) -> \
                registration[OF(t, k)]--; report[OF(t, k)] = (registration[OF(t, k)] + 1) / 2 \
            :: else fi; \
            k++ \
        :: else -> break od; k = 0 }

/* The word decides: the generation, whether it is to be closed, whose it is and who is inside. */
#define ENTER(t, which) \
    :: d_step { at[t] == REST && report[OF(t, which)] != 0 -> \
        g = report[OF(t, which)] - 1; report[OF(t, which)] = 0; n = number[which]; \
        if \
        :: generation[n] != g || word[n] != LIVE || closing[n] -> skip \
        :: else -> \
            if \
            :: owner[n] != EVERYBODY && owner[n] != (t) -> \
                GO(t, DEREGISTERING, which, g); \
                if :: HAS(watching[which], t) -> astray[which] = astray[which] | BIT(t) :: else fi \
            :: owner[n] == (t) && runners[n] > 0 -> skip \
            :: else -> \
                runners[n]++; i = payload[n] - 1; \
                GO(t, INSIDE, i, g); \
                ENTERED(t, i, which); \
                if :: data[i] -> data[i] = 0; waiting[i] = 0 :: else fi \
            fi \
        fi }

#define JOIN(t, which) \
    :: d_step { IS_SHARED(which) && !((t) == 0 && OPENERS == 1) && at[t] == REST && IN_TABLE(which) \
        && word[number[which]] == LIVE && owner[number[which]] == EVERYBODY && !closing[number[which]] \
        && !WATCHES(t, which) -> \
        n = number[which]; runners[n]++; \
        GO(t, INSIDE, which, generation[n]); \
        ENTERED(t, which, which) }

#define LEAVE(t) \
    :: d_step { at[t] == INSIDE && (WATCHES(t, with[t]) || closing[number[with[t]]]) -> \
        i = with[t]; g = token[t]; n = number[i]; \
        GO(t, REST, 0, 0); \
        inside[i] = inside[i] & ~BIT(t); \
        if :: closing[n] && runners[n] == 1 -> HOLD(t, i, g) :: else -> runners[n]-- fi }

#define DELETE_INSIDE(t) \
    :: d_step { at[t] == INSIDE -> \
        i = with[t]; g = token[t]; n = number[i]; \
        deleting[i] = 1; \
        GO(t, REST, 0, 0); \
        inside[i] = inside[i] & ~BIT(t); \
        if :: runners[n] == 1 -> HOLD(t, i, g) :: else -> closing[n] = 1; runners[n]-- fi }

#define TAKEOVER(t, which) \
    :: d_step { !IS_SHARED(which) && at[t] == REST && takeovers < TAKEOVERS && IN_TABLE(which) \
        && word[number[which]] == LIVE && owner[number[which]] != EVERYBODY && !closing[number[which]] \
        && runners[number[which]] == 0 -> \
        n = number[which]; owner[n] = t; runners[n]++; takeovers++; \
        belongs[which] = (t) + 1; astray[which] = astray[which] & ~BIT(t); \
        GO(t, INSIDE, which, generation[n]); \
        ENTERED(t, which, which) }

#define DELETE(t, which) \
    :: d_step { (t) >= DELETERS && at[t] == REST && IN_TABLE(which) && word[number[which]] == LIVE \
        && !closing[number[which]] -> \
        n = number[which]; deleting[which] = 1; \
        if :: runners[n] == 0 -> g = generation[n]; HOLD(t, which, g) :: else -> closing[n] = 1 fi }

#define WIPE(t) \
    :: d_step { at[t] == HOLDING -> \
        i = with[t]; n = number[i]; \
        generation[n]++; word[n] = FREE; payload[n] = 0; \
        GO(t, WIPED, i, 0); \
        stage[i] = STAGE_WIPED }

#define CLOSE(t) \
    :: d_step { at[t] == WIPED -> \
        i = with[t]; \
        assert(open[i] && stage[i] == STAGE_WIPED && closer[i] == (t) + 1); \
        open[i] = 0; data[i] = 0; arrivals[i] = 0; \
        stage[i] = STAGE_CLOSED; belongs[i] = 0; deleting[i] = 0; closer[i] = 0; waiting[i] = 0; \
        watching[i] = 0; astray[i] = 0; \
        calling = calling & ~BIT(t); \
        GO(t, REST, 0, 0); \
        k = 0; \
        do :: k < THREADS -> registration[OF(k, i)] = 0; k++ :: else -> break od; k = 0 }

/* The poller forgets what has the number now. */
#define FORGET(t) \
    :: d_step { at[t] == DEREGISTERING -> \
        g = with[t]; n = number[g]; \
        GO(t, REST, 0, 0); \
        k = 0; \
        do :: k < INCARNATIONS -> \
            if :: open[k] && number[k] == n && WATCHES(t, k) -> \
                assert(k == g); \
                registration[OF(t, k)] = 0; \
                watching[k] = watching[k] & ~BIT(t); astray[k] = astray[k] & ~BIT(t) \
            :: else fi; \
            k++ \
        :: else -> break od; k = 0 }

#define WITH(t, which) \
    ENTER(t, which) TAKEOVER(t, which) OPEN(t, which) DELETE(t, which) JOIN(t, which)

#if INCARNATIONS == 2
#define WITH_EACH(t) WITH(t, 0) WITH(t, 1)
#define ARRIVE_EACH ARRIVE(0) ARRIVE(1)
#else
#define WITH_EACH(t) WITH(t, 0) WITH(t, 1) WITH(t, 2)
#define ARRIVE_EACH ARRIVE(0) ARRIVE(1) ARRIVE(2)
#endif

#define THREAD(t) \
    WATCH(t) POLL(t) LEAVE(t) DELETE_INSIDE(t) WIPE(t) CLOSE(t) FORGET(t) WITH_EACH(t) CLAIM(t) \
    INSERT(t, t, ANY_OWN) INSERT(t, EVERYBODY, ANY_SHARED)

active proctype world() {
end:
    do
    THREAD(0)
    THREAD(1)
#if THREADS > 2
    THREAD(2)
#endif
#if THREADS > 3
    THREAD(3)
#endif
    ARRIVE_EACH
    od
}
