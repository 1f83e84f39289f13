// Owns the scripts that Redis runs for the shared limits. The arithmetic of buckets is bucket.ts's, in microseconds; that of quotas is
// quota.ts's.

/**
 * The sums of quotas only grow: one below what is known to have been there was lost, and is put right. What was added between the loss
 * and the first who knows may go under in that: after a loss a quota may be exceeded by so much, and no more.
 */
const sumOf = `
local function sumOf(hash, keptMs, field, known)
  local sum = tonumber(redis.call('HGET', hash, field) or '0')
  if tonumber(known) <= sum then return sum end
  redis.call('HSET', hash, field, known)
  redis.call('PEXPIRE', hash, keptMs)
  return tonumber(known)
end
`;

/** Buckets by the clock of the server. A number that is stored is when the bucket is full. */
const buckets = `
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000000 + tonumber(time[2])
local function debtOf(bucket)
  return math.max(0, (tonumber(redis.pcall('GET', bucket)) or 0) - now)
end
local function owe(bucket, debt)
  redis.call('SET', bucket, string.format('%.0f', now + debt), 'PX', math.ceil(debt / 1000) + 1)
end
`;

/**
 * KEYS: the buckets, then a hash of quotas for each period. ARGV: how many buckets; for each the microseconds of a token, the burst and
 * the cost; where there are hashes, the names of their fields for requests, returned, bytes and tokens, and for each hash the
 * milliseconds that it is kept, the four sums that are known, and the three at which a quota is used up, or ''.
 * Answers {who refused, microseconds to wait, the debt of each bucket in microseconds, the four sums of each hash}; who: -1 nobody,
 * else the index of the bucket, or behind the buckets of the quota, three for each hash.
 * A number is stored as text without loss: microseconds since 1970 are below 2^53. A full bucket is an absent one, hence the expiry;
 * what is no number is none of ours, and gives way. Something is written whatever the verdict: a Redis that takes no writes (READONLY,
 * OOM) shows it at once, and is not thought to be back by whoever is refused.
 */
export const takeScript: string =
  buckets +
  sumOf +
  `
local buckets, refusedBy, wait = tonumber(ARGV[1]), -1, 0
local debts, sums = {}, {}
for i = 1, buckets do
  local token, burst, cost = tonumber(ARGV[3 * i - 1]), tonumber(ARGV[3 * i]), tonumber(ARGV[3 * i + 1])
  local debt = debtOf(KEYS[i])
  if debt > 2 * burst * token then
    debt = 2 * burst * token
    owe(KEYS[i], debt)
  end
  debts[i] = debt
  local missing = debt + cost * token - burst * token
  if missing > 1 and missing > wait then
    refusedBy, wait = i - 1, missing
  end
end
local names = 3 * buckets + 1
local at = names + 4
for hash = buckets + 1, #KEYS do
  local sum = {}
  for field = 1, 4 do
    sum[field] = sumOf(KEYS[hash], ARGV[at + 1], ARGV[names + field], ARGV[at + 1 + field])
  end
  local used = {sum[1] - sum[2], sum[3], sum[4]}
  for quota = 3, 1, -1 do
    local most = tonumber(ARGV[at + 5 + quota])
    if most and used[quota] >= most then
      refusedBy, wait = buckets + 3 * (hash - buckets - 1) + quota - 1, 0
    end
  end
  sums[hash - buckets] = sum
  at = at + 8
end
local answer = {refusedBy, math.ceil(wait)}
for i = 1, buckets do
  if refusedBy == -1 then debts[i] = debts[i] + tonumber(ARGV[3 * i + 1]) * tonumber(ARGV[3 * i - 1]) end
  if refusedBy == -1 or i == 1 then
    owe(KEYS[i], debts[i])
  end
  answer[#answer + 1] = math.ceil(debts[i])
end
for i, sum in ipairs(sums) do
  if refusedBy == -1 then
    sum[1] = redis.call('HINCRBY', KEYS[buckets + i], ARGV[names + 1], 1)
    redis.call('PEXPIRE', KEYS[buckets + i], ARGV[names + 5 + 8 * (i - 1)])
  end
  for field = 1, 4 do answer[#answer + 1] = sum[field] end
end
return answer
`;

/** KEYS: buckets. ARGV: the microseconds that each pays, whatever is left, or gets back. A full bucket is an absent one. */
export const payScript: string =
  buckets +
  `
for i, key in ipairs(KEYS) do
  local debt = debtOf(key) + tonumber(ARGV[i])
  if debt > 0 then
    owe(key, debt)
  else
    redis.call('DEL', key)
  end
end
return 1
`;

/**
 * KEYS: who writes, then hashes of quotas. ARGV: the batch's number, then for each change the index of its hash among KEYS, the
 * milliseconds that the hash is kept, the field's name, the sum that is known, and what to add. A batch whose number is known has been
 * added before, and its answer was lost. Answers the sum of each.
 */
export const addScript: string =
  sumOf +
  `
local fresh = redis.call('GET', KEYS[1]) ~= ARGV[1]
local sums = {}
for at = 2, #ARGV, 5 do
  local hash = KEYS[tonumber(ARGV[at])]
  sumOf(hash, ARGV[at + 1], ARGV[at + 2], ARGV[at + 3])
  sums[#sums + 1] = redis.call('HINCRBY', hash, ARGV[at + 2], fresh and ARGV[at + 4] or '0')
  redis.call('PEXPIRE', hash, ARGV[at + 1])
end
redis.call('SET', KEYS[1], ARGV[1], 'PX', 86400000)
return sums
`;

/** KEYS: hashes of quotas. Answers for each a list of field, sum, … */
export const readScript = `
local hashes = {}
for i, key in ipairs(KEYS) do hashes[i] = redis.call('HGETALL', key) end
return hashes
`;
