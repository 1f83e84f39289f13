// Owns the scripts that Redis runs for the shared limits. The arithmetic of buckets is bucket.ts's, in microseconds; that of quotas is
// quota.ts's.

/**
 * The sums of quotas only grow: one below what is known to have been there was lost, and is put right. What was added between the loss
 * and the first who knows may go under in that: after a loss a quota may be exceeded by so much, and no more. A value that is no sum of
 * ours, and a key that is no hash, were left by another program and give way to what is known.
 * Returns nil and the error where Redis refuses the command: it may be this account's alone.
 */
const sumOf = `
local most = 9007199254740991
local function isError(reply)
  return type(reply) == 'table' and reply.err ~= nil
end
local function sumOf(hash, keptMs, field, known)
  known = tonumber(known)
  local value = redis.pcall('HGET', hash, field)
  if isError(value) and string.find(value.err, 'WRONGTYPE', 1, true) then
    local deleted = redis.pcall('DEL', hash)
    if isError(deleted) then return nil, deleted end
    value = false
  end
  if isError(value) then return nil, value end
  local sum = -1
  if not value then
    sum = 0
  elseif (value == '0' or string.find(value, '^[1-9]%d*$')) and tonumber(value) <= most then
    sum = tonumber(value)
  end
  if known <= sum then return sum end
  local written = redis.pcall('HSET', hash, field, string.format('%.0f', known))
  if isError(written) then return nil, written end
  redis.pcall('PEXPIRE', hash, keptMs)
  return known
end
local function add(hash, keptMs, field, sum, more)
  if sum + more > most then
    local written = redis.pcall('HSET', hash, field, string.format('%.0f', most))
    if isError(written) then return nil, written end
    return most
  end
  local added = redis.pcall('HINCRBY', hash, field, string.format('%.0f', more))
  if isError(added) then return nil, added end
  redis.pcall('PEXPIRE', hash, keptMs)
  return added
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
 * Answers {who refused, microseconds to wait, 1 when the quotas were counted or 0 when Redis refused them, the debt of each bucket in
 * microseconds, the four sums of each hash}; who: -1 nobody, else the index of the bucket, or behind the buckets of the quota, three for
 * each hash. Quotas that Redis refuses leave the verdict to the buckets.
 * A number is stored as text without loss: microseconds since 1970 are below 2^53. A full bucket is an absent one, hence the expiry;
 * what is no number is none of ours, and gives way. Something is written whatever the verdict: a Redis that takes no writes (READONLY,
 * OOM) shows it at once, and is not thought to be back by whoever is refused.
 */
export const takeScript: string =
  buckets +
  sumOf +
  `
local buckets, refusedBy, wait, counted = tonumber(ARGV[1]), -1, 0, 1
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
local refusedByQuota = -1
for hash = buckets + 1, #KEYS do
  local at = names + 4 + 8 * (hash - buckets - 1)
  local sum = {0, 0, 0, 0}
  for field = 1, 4 do
    sum[field] = counted == 1 and sumOf(KEYS[hash], ARGV[at + 1], ARGV[names + field], ARGV[at + 1 + field])
    if not sum[field] then
      sum[field], counted = 0, 0
    end
  end
  local used = {sum[1] - sum[2], sum[3], sum[4]}
  for quota = 3, 1, -1 do
    local limit = tonumber(ARGV[at + 5 + quota])
    if limit and used[quota] >= limit then refusedByQuota = buckets + 3 * (hash - buckets - 1) + quota - 1 end
  end
  sums[hash - buckets] = sum
end
if counted == 1 and refusedByQuota ~= -1 then
  refusedBy, wait = refusedByQuota, 0
end
for i = 1, buckets do
  if refusedBy == -1 then debts[i] = debts[i] + tonumber(ARGV[3 * i + 1]) * tonumber(ARGV[3 * i - 1]) end
  if refusedBy == -1 or i == 1 then owe(KEYS[i], debts[i]) end
end
if refusedBy == -1 then
  for i, sum in ipairs(sums) do
    if counted == 1 then
      local added = add(KEYS[buckets + i], ARGV[names + 5 + 8 * (i - 1)], ARGV[names + 1], sum[1], 1)
      if added then
        sum[1] = added
      else
        counted = 0
        for before = 1, i - 1 do redis.pcall('HINCRBY', KEYS[buckets + before], ARGV[names + 1], -1) end
      end
    end
  end
end
local answer = {refusedBy, math.ceil(wait), counted}
for i = 1, buckets do answer[#answer + 1] = math.ceil(debts[i]) end
for _, sum in ipairs(sums) do
  for field = 1, 4 do answer[#answer + 1] = sum[field] end
end
return answer
`;

/** KEYS: buckets. ARGV: the microseconds that each pays, whatever is left, or gets back. Answers the debt of each in microseconds. */
export const payScript: string =
  buckets +
  `
local debts = {}
for i, key in ipairs(KEYS) do
  local debt = math.max(0, debtOf(key) + tonumber(ARGV[i]))
  if debt > 0 then
    owe(key, debt)
  else
    redis.call('DEL', key)
  end
  debts[i] = math.ceil(debt)
end
return debts
`;

/** KEYS: the name of what this Redis remembers. ARGV: a name, should it have none: it is new, or has forgotten. Answers the name. */
export const epochScript = `
local epoch = redis.pcall('GET', KEYS[1])
if type(epoch) ~= 'string' then
  redis.call('SET', KEYS[1], ARGV[1])
  epoch = ARGV[1]
end
return epoch
`;

/**
 * KEYS: who writes, then hashes of quotas. ARGV: the batch's number, then for each change the index of its hash among KEYS, the
 * milliseconds that the hash is kept, the field's name, the sum that is known, and what to add. A batch whose number is known has been
 * added before, and its answer was lost. Answers the sum of each. Adds nothing before every sum was read: after an error the whole batch
 * comes again.
 */
export const addScript: string =
  sumOf +
  `
local fresh = redis.pcall('GET', KEYS[1]) ~= ARGV[1]
local sums = {}
for at = 2, #ARGV, 5 do
  local sum, problem = sumOf(KEYS[tonumber(ARGV[at])], ARGV[at + 1], ARGV[at + 2], ARGV[at + 3])
  if not sum then return problem end
  sums[#sums + 1] = sum
end
for i, sum in ipairs(sums) do
  local at = 5 * i - 3
  local more = tonumber(ARGV[at + 4])
  if fresh and more > 0 then
    local added, problem = add(KEYS[tonumber(ARGV[at])], ARGV[at + 1], ARGV[at + 2], sum, more)
    if not added then return problem end
    sums[i] = added
  end
end
redis.call('SET', KEYS[1], ARGV[1], 'PX', 86400000)
return sums
`;

/** KEYS: hashes of quotas. Answers for each a list of field, sum, …; none for a key that another program uses for something else. */
export const readScript = `
local hashes = {}
for i, key in ipairs(KEYS) do
  local hash = redis.pcall('HGETALL', key)
  if hash.err and string.find(hash.err, 'WRONGTYPE', 1, true) then hash = {} end
  if hash.err then return hash end
  hashes[i] = hash
end
return hashes
`;
