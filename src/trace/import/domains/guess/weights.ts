/*
 * Logarithms of likelihoods by which requests find their address space. They say what dma-iommu's allocator and drivers
 * do as a rule, and were set by recordings whose address spaces are known.
 */

/** A context goes on with the address space of its last request, the less surely the more microseconds lie between. */
export const CHANGE_PER_US = 3e-6;
export const MOST_CHANGE = 0.5;

/** An address space that nothing has shown so far: its first range ends where addresses end, or anywhere. */
export const NEW_AT_TOP = -8;
export const NEW_ELSEWHERE = -15;
/** The more requests have come, the less likely is a space that none of them was for: by the logarithm of their number. */
export const NEW_LATER = -0.5;
export const NEW_LATER_SCALE = 512;

/** A freed range comes back: second in its cache, further down, out of reach; from the cache of another CPU. */
export const SECOND = -0.3;
export const RANK_BASE = -2.5;
export const PER_RANK = -0.5;
export const DEEPEST_RANK = 8;
export const DEEP = -4.5;
export const OTHER_CPU_TOP = -4.5;
export const OTHER_CPU = -6;
/** Orders above the smallest that the caches hold (iova.c: IOVA_RANGE_CACHE_MAX_SIZE is one more). */
export const LARGEST_CACHED = 5;

/** A fresh range: although the cache has one, not below the latest, with room between it and what lies above. */
export const FRESH_DESPITE_CACHE = -2;
export const FRESH_ELSEWHERE = -1.5;
export const GAP_BASE = -0.7;
export const GAP_PER_ORDER = -0.3;
export const TOP_OF_KNOWN = -7;
/** Far below all that was handed out, and above it where nothing explains it. */
export const FAR_BASE = -4;
export const FARTHEST = -19;
export const LOOSE = -8;
/** Addresses that nothing explains, by how often a space has had such. */
export const ODD = 5;
export const LEAST_ODD = -11;
export const LEAST_RATE = 0.0003;

/** Physical pages: near the end of one of the latest mappings, or not. */
export const PHYSICAL_NEAR = 3;
export const PHYSICAL_FAR = -0.3;
export const PHYSICAL_KEPT = 4;
/** No map fits better than this. */
export const MOST_FIT = PHYSICAL_NEAR;

/** An unmap out of turn: next to the one whose turn it is, or by how many maps lie between. */
export const UNMAP_NEAR = -2.5;
export const UNMAP_FAR_BASE = -1;
export const UNMAP_FAR_LOG = -0.25;
export const TURNS_KEPT = 4;
/** An unmap of what no space has. */
export const UNKNOWN = -14;

/** Requests that can still be placed anew. */
export const WINDOW = 512;
/** Choices with a margin above this are not doubted. */
export const DOUBT = 12;
/** What surprises of one context must add up to before earlier choices are doubted, and how they fade. */
export const SURPRISE = 5;
export const FADE = 0.98;
export const MOST_SURPRISE = 200;
export const SURPRISE_GROWTH = 1.5;
/** How much better another choice must make the rest: in any case, for each request since, with a space more. */
export const GAIN = 3;
export const GAIN_PER_REQUEST = 0.03;
export const GAIN_OF_NEW = 8;
/** Earlier choices tried: in all, of the same context, about the same pages, of others. */
export const TRIES = 5;
export const TRIES_CONTEXT = 3;
export const TRIES_PAGES = 2;
export const TRIES_OTHER = 1;
/** Requests placed anew for each that comes, on average and saved up. */
export const CREDIT = 4;
export const MOST_CREDIT = 4000;
/** Spaces at most: a recording that has lost many events would seem to have ever more. */
export const MOST_SPACES = 64;
