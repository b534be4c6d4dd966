/* The quickest way for the topic `remittances`: message bytes in, columns out, and no Python object for a record.

   It only ever says yes. Whatever it is not sure of it leaves out, and codec_fast.py and the models of `schemas` have
   their say about that; so it may be narrower than they are, and must never be wider or read anything otherwise
   (tests/unit/shell/test_codec_agreement.py). It is optional: without it all is as it is with it, only slower.

   Nothing of what comes is trusted. Every read is held against the end of what is there, nothing recurses, and the
   lock of the interpreter is held throughout, so the bytes stay where they are until the columns are made. */

#define PY_SSIZE_T_CLEAN
#define Py_LIMITED_API 0x030B0000
#include <Python.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#if !defined(__SIZEOF_INT128__) || __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "numbers of 128 bits, and a little-endian machine, are wanted: others do without this module"
#endif

typedef unsigned __int128 Wide;

typedef struct {
    const uint8_t *at; /* NULL: there is none, or it is null */
    Py_ssize_t size;
} Text;

/* --- digests: XXH3 of 64 bits without a seed, of 17 to 240 bytes, after its published description ---------------- */

#define PRIME_1 0x9E3779B185EBCA87u
#define PRIME_MX1 0x165667919E3779F9u

static const uint8_t SECRET[192] = {
    0xb8, 0xfe, 0x6c, 0x39, 0x23, 0xa4, 0x4b, 0xbe, 0x7c, 0x01, 0x81, 0x2c, 0xf7, 0x21, 0xad, 0x1c, 0xde, 0xd4, 0x6d,
    0xe9, 0x83, 0x90, 0x97, 0xdb, 0x72, 0x40, 0xa4, 0xa4, 0xb7, 0xb3, 0x67, 0x1f, 0xcb, 0x79, 0xe6, 0x4e, 0xcc, 0xc0,
    0xe5, 0x78, 0x82, 0x5a, 0xd0, 0x7d, 0xcc, 0xff, 0x72, 0x21, 0xb8, 0x08, 0x46, 0x74, 0xf7, 0x43, 0x24, 0x8e, 0xe0,
    0x35, 0x90, 0xe6, 0x81, 0x3a, 0x26, 0x4c, 0x3c, 0x28, 0x52, 0xbb, 0x91, 0xc3, 0x00, 0xcb, 0x88, 0xd0, 0x65, 0x8b,
    0x1b, 0x53, 0x2e, 0xa3, 0x71, 0x64, 0x48, 0x97, 0xa2, 0x0d, 0xf9, 0x4e, 0x38, 0x19, 0xef, 0x46, 0xa9, 0xde, 0xac,
    0xd8, 0xa8, 0xfa, 0x76, 0x3f, 0xe3, 0x9c, 0x34, 0x3f, 0xf9, 0xdc, 0xbb, 0xc7, 0xc7, 0x0b, 0x4f, 0x1d, 0x8a, 0x51,
    0xe0, 0x4b, 0xcd, 0xb4, 0x59, 0x31, 0xc8, 0x9f, 0x7e, 0xc9, 0xd9, 0x78, 0x73, 0x64, 0xea, 0xc5, 0xac, 0x83, 0x34,
    0xd3, 0xeb, 0xc3, 0xc5, 0x81, 0xa0, 0xff, 0xfa, 0x13, 0x63, 0xeb, 0x17, 0x0d, 0xdd, 0x51, 0xb7, 0xf0, 0xda, 0x49,
    0xd3, 0x16, 0x55, 0x26, 0x29, 0xd4, 0x68, 0x9e, 0x2b, 0x16, 0xbe, 0x58, 0x7d, 0x47, 0xa1, 0xfc, 0x8f, 0xf8, 0xb8,
    0xd1, 0x7a, 0xd0, 0x31, 0xce, 0x45, 0xcb, 0x3a, 0x8f, 0x95, 0x16, 0x04, 0x28, 0xaf, 0xd7, 0xfb, 0xca, 0xbb, 0x4b,
    0x40, 0x7e,
};

static uint64_t word(const uint8_t *at)
{
    uint64_t read;
    memcpy(&read, at, 8);
    return read;
}

static uint64_t mixed(const uint8_t *data, const uint8_t *secret)
{
    Wide product = (Wide)(word(data) ^ word(secret)) * (word(data + 8) ^ word(secret + 8));
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static uint64_t avalanche(uint64_t x)
{
    x = (x ^ x >> 37) * PRIME_MX1;
    return x ^ x >> 32;
}

/* Return the digest of 17 to 240 bytes; the log keeps digests for ever, so it must be that of Python's xxhash. */
static uint64_t digest(const uint8_t *data, size_t size)
{
    uint64_t sum = size * PRIME_1;
    if (size <= 128) {
        for (size_t pair = (size - 1) / 32 + 1; pair-- > 0;) {
            sum += mixed(data + 16 * pair, SECRET + 32 * pair);
            sum += mixed(data + size - 16 * pair - 16, SECRET + 32 * pair + 16);
        }
        return avalanche(sum);
    }
    for (size_t chunk = 0; chunk < 8; chunk++)
        sum += mixed(data + 16 * chunk, SECRET + 16 * chunk);
    sum = avalanche(sum);
    for (size_t chunk = 8; chunk < size / 16; chunk++)
        sum += mixed(data + 16 * chunk, SECRET + 16 * (chunk - 8) + 3);
    return avalanche(sum + mixed(data + size - 16, SECRET + 119));
}

/* --- JSON: one flat object whose texts are plain, or nothing ------------------------------------------------------ */

enum field {
    SCHEMA_VERSION, TYPE, EVENT_ID, GROUP_ID, AMOUNT, CURRENCY, OCCURRED_AT, CHANNEL, LEVY_ID, REFERENCE, FIELDS
};

#define KEY(name) {(const uint8_t *)(name), sizeof(name) - 1}
static const Text KEYS[FIELDS] = {
    KEY("schema_version"), KEY("type"), KEY("event_id"), KEY("group_id"), KEY("amount"), KEY("currency"),
    KEY("occurred_at"), KEY("channel"), KEY("levy_id"), KEY("reference"),
};
static const Text CHANNELS[] = {KEY("bank_transfer"), KEY("cash"), KEY("goods"), KEY("other")};
static const Text REMITTANCE = KEY("remittance");
#define REQUIRED ((1u << LEVY_ID) - 1) /* all fields before it */

static bool same(Text one, Text other)
{
    return one.size == other.size && memcmp(one.at, other.at, (size_t)one.size) == 0;
}

static const uint8_t *after_space(const uint8_t *at, const uint8_t *end)
{
    while (at < end && (*at == ' ' || *at == '\n' || *at == '\r' || *at == '\t'))
        at++;
    return at;
}

#define EACH(byte) (0x0101010101010101u * (byte))

/* Return what follows a character of UTF-8 that is not ASCII; NULL where there is none: cut short, longer than need be,
   half of a pair of UTF-16, or past the last one. */
static const uint8_t *after_character(const uint8_t *at, const uint8_t *end)
{
    uint8_t first = *at;
    int more = first >= 0xF0 ? 3 : first >= 0xE0 ? 2 : 1;
    uint8_t low = first == 0xE0 ? 0xA0 : first == 0xF0 ? 0x90 : 0x80;
    uint8_t high = first == 0xED ? 0x9F : first == 0xF4 ? 0x8F : 0xBF;
    if (first < 0xC2 || first > 0xF4 || end - at <= more || at[1] < low || at[1] > high)
        return NULL;
    for (int n = 2; n <= more; n++)
        if ((at[n] & 0xC0) != 0x80)
            return NULL;
    return at + more + 1;
}

/* Take a text up to its closing quote; NULL at what needs a thought: a backslash, a control character, and where not any
   script will do what is not ASCII. Eight bytes at once where none is one of these: the highest bit of a byte says so,
   rightly so of the lowest one. */
static const uint8_t *plain_text(const uint8_t *at, const uint8_t *end, bool any_script, Text *text)
{
    if (at == end || *at++ != '"')
        return NULL;
    text->at = at;
    for (; end - at >= 8; at += 8) {
        uint64_t w = word(at);
        uint64_t odd = w | (w - EACH(0x20)) | ((w ^ EACH('"')) - EACH(1)) | ((w ^ EACH('\\')) - EACH(1));
        if (odd & EACH(0x80)) {
            at += __builtin_ctzll(odd & EACH(0x80)) / 8;
            break;
        }
    }
    while (at && at < end && *at >= 0x20 && *at != '"' && *at != '\\')
        at = *at < 0x80 ? at + 1 : any_script ? after_character(at, end) : NULL;
    if (!at || at == end || *at != '"')
        return NULL;
    text->size = at - text->at;
    return at + 1;
}

/* Return which field a key names, FIELDS for none; they mostly come in one order, so it begins with the next one. */
static unsigned field_of(Text key, unsigned next)
{
    for (unsigned n = 0; n < FIELDS; n++) {
        unsigned field = (next + n) % FIELDS;
        if (same(key, KEYS[field]))
            return field;
    }
    return FIELDS;
}

/* Take a field's value; whatever follows that does not end it is found by who goes on reading. */
static const uint8_t *value_of(unsigned field, const uint8_t *at, const uint8_t *end, Text *value)
{
    if (field == SCHEMA_VERSION)
        return at < end && *at == '1' ? at + 1 : NULL;
    if ((field == LEVY_ID || field == REFERENCE) && end - at >= 4 && memcmp(at, "null", 4) == 0)
        return at + 4;
    return plain_text(at, end, field == REFERENCE, value);
}

static bool read_object(const uint8_t *at, const uint8_t *end, Text found[FIELDS])
{
    unsigned seen = 0, field = FIELDS - 1;
    at = after_space(at, end);
    if (at == end || *at++ != '{')
        return false;
    for (;;) {
        Text key = {NULL, 0};
        at = plain_text(after_space(at, end), end, false, &key);
        field = at ? field_of(key, field + 1) : FIELDS;
        if (field == FIELDS || seen & 1u << field)
            return false;
        seen |= 1u << field;
        at = after_space(at, end);
        if (at == end || *at++ != ':')
            return false;
        at = value_of(field, after_space(at, end), end, &found[field]);
        at = at ? after_space(at, end) : end;
        if (at == end || (*at != ',' && *at != '}'))
            return false;
        if (*at++ == '}')
            return after_space(at, end) == end && (seen & REQUIRED) == REQUIRED;
    }
}

/* --- fields -------------------------------------------------------------------------------------------------------- */

static int digit(uint8_t byte)
{
    return byte >= '0' && byte <= '9' ? byte - '0' : -1;
}

/* Return the number that two digits are, or something below 0. */
static int two_digits(const uint8_t *at)
{
    int tens = digit(at[0]), ones = digit(at[1]);
    return tens < 0 || ones < 0 ? -1 : 10 * tens + ones;
}

static bool is_name(Text text)
{
    if (text.size < 1 || text.size > 64)
        return false;
    for (Py_ssize_t n = 0; n < text.size; n++) {
        uint8_t byte = text.at[n];
        bool is_sign = n > 0 && (byte == '.' || byte == '_' || byte == '-');
        if (!(is_sign || (byte >= 'a' && byte <= 'z') || digit(byte) >= 0))
            return false;
    }
    return true;
}

static const uint8_t NIBBLES[256] = { /* by character, one more than the digit is worth; 0 for what is none */
    ['0'] = 1, ['1'] = 2, ['2'] = 3, ['3'] = 4, ['4'] = 5, ['5'] = 6, ['6'] = 7, ['7'] = 8, ['8'] = 9, ['9'] = 10,
    ['a'] = 11, ['b'] = 12, ['c'] = 13, ['d'] = 14, ['e'] = 15, ['f'] = 16,
    ['A'] = 11, ['B'] = 12, ['C'] = 13, ['D'] = 14, ['E'] = 15, ['F'] = 16,
};

static bool read_uuid(Text text, uint8_t id[16])
{
    if (text.size != 36)
        return false;
    const uint8_t *at = text.at;
    for (int n = 0; n < 16; n++) {
        if ((n == 4 || n == 6 || n == 8 || n == 10) && *at++ != '-')
            return false;
        uint8_t high = NIBBLES[at[0]], low = NIBBLES[at[1]];
        if (!high || !low)
            return false;
        id[n] = (uint8_t)((high - 1) << 4 | (low - 1));
        at += 2;
    }
    return true;
}

static int currency_of(Text text)
{
    int code = 0;
    for (Py_ssize_t n = 0; n < text.size; n++) {
        if (text.size != 3 || text.at[n] < 'A' || text.at[n] > 'Z')
            return -1;
        code = 26 * code + text.at[n] - 'A';
    }
    return text.size ? code : -1;
}

/* Read an amount in minor units of a currency with so many decimals; 0, which is none, where there is a doubt. */
static int64_t minor_units(Text text, int decimals)
{
    Wide minor = 0;
    Py_ssize_t n = 0;
    for (; n < text.size && n < 18 && digit(text.at[n]) >= 0; n++)
        minor = 10 * minor + (unsigned)digit(text.at[n]);
    if (n == 0)
        return 0;
    if (n < text.size) {
        if (text.at[n++] != '.' || n == text.size)
            return 0;
        for (; n < text.size; n++, decimals--) {
            if (decimals == 0 || digit(text.at[n]) < 0)
                return 0;
            minor = 10 * minor + (unsigned)digit(text.at[n]);
        }
    }
    for (; decimals > 0; decimals--)
        minor *= 10;
    return minor > INT64_MAX ? 0 : (int64_t)minor;
}

#define SECOND_US INT64_C(1000000)
#define DAY_US (86400 * SECOND_US)
#define EPOCH_DAY INT64_C(719163) /* 1970-01-01, counted from 0001-01-01 as day 1 */
#define FIRST_US (INT64_C(10957) * DAY_US) /* 2000-01-01 */
#define END_US (INT64_C(47482) * DAY_US) /* 2100-01-01 */

static const uint8_t MONTH_DAYS[13] = {0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
static const uint16_t DAYS_BEFORE[13] = {0, 0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334};

/* Return the days since 1970-01-01 of a day of the calendar; -1 for what is none, or far from our years. */
static int64_t day_of(int year, int month, int day)
{
    if (year < 1999 || year > 2100 || month < 1 || month > 12 || day < 1)
        return -1;
    bool is_leap = year % 4 == 0 && year != 2100;
    if (day > MONTH_DAYS[month] + (is_leap && month == 2))
        return -1;
    int64_t leaps = (year - 1) / 4 - (year - 1) / 100 + (year - 1) / 400;
    return INT64_C(365) * (year - 1) + leaps + DAYS_BEFORE[month] + (is_leap && month > 2) + day - EPOCH_DAY;
}

/* Return the microseconds since 1970 of an RFC 3339 time, decimals beyond them cut; -1 where there is a doubt. */
static int64_t time_us(Text text)
{
    const uint8_t *at = text.at, *end = at + text.size;
    if (text.size < 20 || at[4] != '-' || at[7] != '-' || (at[10] | 0x20) != 't' || at[13] != ':' || at[16] != ':')
        return -1;
    int century = two_digits(at), year = two_digits(at + 2), hour = two_digits(at + 11);
    int minute = two_digits(at + 14), second = two_digits(at + 17);
    if (century < 0 || year < 0 || hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 59)
        return -1;
    int64_t day = day_of(100 * century + year, two_digits(at + 5), two_digits(at + 8));
    if (day < 0)
        return -1;
    int64_t us = day * DAY_US + (3600 * hour + 60 * minute + second) * SECOND_US;
    at += 19;
    if (*at == '.') {
        const uint8_t *first = ++at;
        for (int64_t worth = SECOND_US / 10; at < end && digit(*at) >= 0; at++, worth /= 10)
            us += worth * digit(*at);
        if (at == first || at == end)
            return -1;
    }
    if ((*at | 0x20) == 'z') {
        at++;
    } else {
        if (end - at != 6 || (*at != '+' && *at != '-') || at[3] != ':')
            return -1;
        int hours = two_digits(at + 1), minutes = two_digits(at + 4);
        if (hours < 0 || hours > 23 || minutes < 0 || minutes > 59)
            return -1;
        us += (*at == '-' ? 1 : -1) * (3600 * hours + 60 * minutes) * SECOND_US;
        at += 6;
    }
    return at == end && us >= FIRST_US && us < END_US ? us : -1;
}

static bool is_channel(Text text)
{
    for (size_t n = 0; n < sizeof CHANNELS / sizeof *CHANNELS; n++)
        if (same(text, CHANNELS[n]))
            return true;
    return false;
}

/* A longer reference than of so many bytes would be beyond what is digested here: what else is said may have 132. */
#define MOST_BYTES 107

static bool is_reference(Text text)
{
    Py_ssize_t characters = 0;
    for (Py_ssize_t n = 0; n < text.size && text.size <= MOST_BYTES; n++)
        characters += (text.at[n] & 0xC0) != 0x80;
    return text.size <= MOST_BYTES && characters <= 64;
}

/* --- what is said: the text of codec_fast's `_remittance_said`, 39 to 239 bytes of it ------------------------------ */

static uint8_t *put(uint8_t *to, const void *from, Py_ssize_t size)
{
    memcpy(to, from, (size_t)size);
    return to + size;
}

static uint8_t *put_number(uint8_t *to, int64_t number)
{
    uint8_t digits[20], *first = digits + sizeof digits;
    do
        *--first = (uint8_t)('0' + number % 10);
    while (number /= 10);
    return put(to, first, digits + sizeof digits - first);
}

static uint64_t said(const Text found[FIELDS], int64_t minor, int64_t us)
{
    uint8_t text[240], *to = put(text, "remittance\n", 11);
    to = put_number(to, minor);
    *to++ = '\n';
    to = put(to, found[CURRENCY].at, 3);
    *to++ = '\n';
    to = put_number(to, us);
    *to++ = '\n';
    to = put(to, found[CHANNEL].at, found[CHANNEL].size);
    *to++ = '\n';
    if (found[LEVY_ID].at)
        to = put(to, found[LEVY_ID].at, found[LEVY_ID].size);
    *to++ = '\n';
    if (found[REFERENCE].at) {
        *to++ = '=';
        to = put(to, found[REFERENCE].at, found[REFERENCE].size);
    }
    return digest(text, (size_t)(to - text));
}

/* --- names: the different ones, in the order in which they came ---------------------------------------------------- */

typedef struct {
    Text text;
    int currency; /* of a purse, whose text is the levy; 0 of a group */
} Name;

typedef struct {
    Name *names;
    int32_t *slots; /* one more than a name's place; 0 where there is none */
    size_t mask;
    int32_t count;
} Names;

#define LOOKS 64 /* so many names at most may share a slot's neighbourhood: then one is left to who is slower */

static bool prepare(Names *in, Py_ssize_t most)
{
    size_t slots = 16;
    while (slots < 2 * (size_t)most)
        slots *= 2;
    in->names = PyMem_Malloc((size_t)(most + 1) * sizeof *in->names);
    in->slots = PyMem_Calloc(slots, sizeof *in->slots);
    in->mask = slots - 1;
    in->count = 0;
    return in->names && in->slots;
}

static void release(Names *in)
{
    PyMem_Free(in->names);
    PyMem_Free(in->slots);
}

/* Return the slot that a name has or would have; in->mask + 1 where too many had to be looked at. */
static size_t slot_of(const Names *in, Name name)
{
    uint64_t hash = (uint64_t)name.currency + PRIME_1;
    Py_ssize_t n = 0;
    for (; name.text.size - n >= 8; n += 8)
        hash = ((hash ^ word(name.text.at + n)) * PRIME_MX1) ^ hash >> 29;
    for (; n < name.text.size; n++)
        hash = (hash ^ name.text.at[n]) * PRIME_MX1;
    size_t slot = (size_t)(hash ^ hash >> 32) & in->mask;
    for (int looks = 0; looks < LOOKS; looks++, slot = (slot + 1) & in->mask) {
        if (!in->slots[slot])
            return slot;
        const Name *there = &in->names[in->slots[slot] - 1];
        bool is_both = !there->text.at == !name.text.at;
        if (there->currency == name.currency && is_both && (!name.text.at || same(there->text, name.text)))
            return slot;
    }
    return in->mask + 1;
}

static int32_t place_of(Names *in, Name name, size_t slot)
{
    if (!in->slots[slot]) {
        in->names[in->count] = name;
        in->slots[slot] = ++in->count;
    }
    return in->slots[slot] - 1;
}

/* --- columns ------------------------------------------------------------------------------------------------------- */

enum column { ROWS, IDS, DIGESTS, DAYS, AMOUNTS, GROUP, PURSE, COLUMNS };

typedef struct {
    PyObject *arrays[COLUMNS]; /* bytearrays */
    uint8_t *data[COLUMNS];
    Py_ssize_t count;
    Names groups, purses;
    const uint8_t *decimals; /* by currency */
    Py_ssize_t largest; /* bytes of a value */
} Columns;

#define CODES (26 * 26 * 26)
#define MOST_DECIMALS 9

static Py_ssize_t width(int column)
{
    return column == IDS ? 16 : 8;
}

static void put_int(Columns *to, int column, int64_t value)
{
    memcpy(to->data[column] + 8 * to->count, &value, 8);
}

/* Add a row's message to the columns, if it is sure of it. */
static void take(Columns *to, int64_t row, const uint8_t *value, Py_ssize_t size)
{
    Text found[FIELDS] = {{NULL, 0}};
    if (size > to->largest || !read_object(value, value + size, found) || !same(found[TYPE], REMITTANCE))
        return;
    Text levy = found[LEVY_ID];
    int currency = currency_of(found[CURRENCY]);
    int decimals = currency < 0 ? MOST_DECIMALS + 1 : to->decimals[currency];
    if (decimals > MOST_DECIMALS || !is_name(found[GROUP_ID]) || !is_channel(found[CHANNEL]))
        return;
    if ((levy.at && !is_name(levy)) || !is_reference(found[REFERENCE]))
        return;
    int64_t minor = minor_units(found[AMOUNT], decimals), us = time_us(found[OCCURRED_AT]);
    if (minor <= 0 || us < 0 || !read_uuid(found[EVENT_ID], to->data[IDS] + 16 * to->count))
        return;
    Name group = {found[GROUP_ID], 0}, purse = {levy, currency};
    size_t group_slot = slot_of(&to->groups, group), purse_slot = slot_of(&to->purses, purse);
    if (group_slot > to->groups.mask || purse_slot > to->purses.mask)
        return;
    put_int(to, ROWS, row);
    uint64_t digested = __builtin_bswap64(said(found, minor, us)); /* kept with its highest byte first */
    memcpy(to->data[DIGESTS] + 8 * to->count, &digested, 8);
    put_int(to, DAYS, EPOCH_DAY + us / DAY_US);
    put_int(to, AMOUNTS, minor);
    put_int(to, GROUP, place_of(&to->groups, group, group_slot));
    put_int(to, PURSE, place_of(&to->purses, purse, purse_slot));
    to->count++;
}

static bool begin(Columns *to, Py_ssize_t most)
{
    for (int column = 0; column < COLUMNS; column++) {
        to->arrays[column] = PyByteArray_FromStringAndSize(NULL, most * width(column));
        if (!to->arrays[column])
            return false;
        to->data[column] = (uint8_t *)PyByteArray_AsString(to->arrays[column]);
    }
    if (prepare(&to->groups, most) && prepare(&to->purses, most))
        return true;
    PyErr_NoMemory();
    return false;
}

static PyObject *text_of(Text text)
{
    return text.at ? PyUnicode_FromStringAndSize((const char *)text.at, text.size) : Py_NewRef(Py_None);
}

static PyObject *purse_of(Name purse)
{
    int code = purse.currency;
    char currency[3] = {(char)('A' + code / 676), (char)('A' + code / 26 % 26), (char)('A' + code % 26)};
    PyObject *levy = text_of(purse.text);
    return levy ? Py_BuildValue("(s#N)", currency, (Py_ssize_t)3, levy) : NULL;
}

static PyObject *listed(const Names *from, bool is_purses)
{
    PyObject *list = PyList_New(from->count);
    for (int32_t n = 0; list && n < from->count; n++) {
        PyObject *item = is_purses ? purse_of(from->names[n]) : text_of(from->names[n].text);
        if (!item || PyList_SetItem(list, n, item) < 0)
            Py_CLEAR(list);
    }
    return list;
}

/* Return the columns, cut to what came, and the names: (groups, purses, rows, ids, ...). */
static PyObject *columns(Columns *from)
{
    PyObject *made = PyTuple_New(COLUMNS + 2), *item = NULL;
    for (int n = 0; made && n < COLUMNS + 2; n++) {
        if (n < 2) {
            item = listed(n ? &from->purses : &from->groups, n);
        } else {
            item = from->arrays[n - 2];
            from->arrays[n - 2] = NULL;
            if (PyByteArray_Resize(item, from->count * width(n - 2)) < 0)
                Py_CLEAR(item);
        }
        if (!item || PyTuple_SetItem(made, n, item) < 0)
            Py_CLEAR(made);
    }
    return made;
}

static void finish(Columns *from)
{
    for (int column = 0; column < COLUMNS; column++)
        Py_XDECREF(from->arrays[column]);
    release(&from->groups);
    release(&from->purses);
}

/* --- records: those of a batch of Kafka's format 2, decompressed --------------------------------------------------- */

enum span { PIECE, OFFSET, TIMESTAMP, KEY_AT, KEY_SIZE, VALUE_AT, VALUE_SIZE, SPAN };

/* Read a number of Kafka's: the lowest seven bits first, the sign in the lowest of all. */
static const uint8_t *number(const uint8_t *at, const uint8_t *end, int64_t *to)
{
    uint64_t read = 0;
    for (int shift = 0; at && at < end && shift < 63; shift += 7) {
        uint8_t byte = *at++;
        read |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            *to = (int64_t)(read >> 1) ^ -(int64_t)(read & 1);
            return at;
        }
    }
    return NULL;
}

/* Read where bytes are, and how many; -1 of them are none. */
static const uint8_t *sized(const uint8_t *at, const uint8_t *begin, const uint8_t *end, int64_t *place)
{
    at = number(at, end, place + 1);
    if (!at || place[1] < -1 || place[1] > end - at)
        return NULL;
    place[0] = at - begin;
    return place[1] < 0 ? at : at + place[1];
}

/* Read a record without headers; NULL where it is not exactly one, or not after the one before it. */
static const uint8_t *record(const uint8_t *at, const uint8_t *begin, const uint8_t *end, int64_t span[SPAN])
{
    int64_t size, headers, before = span[OFFSET];
    at = number(at, end, &size);
    if (!at || size < 1 || size > end - at)
        return NULL;
    end = at + size;
    if (*at++ != 0)
        return NULL;
    at = number(at, end, &span[TIMESTAMP]);
    at = number(at, end, &span[OFFSET]);
    at = sized(at, begin, end, span + KEY_AT);
    at = sized(at, begin, end, span + VALUE_AT);
    at = number(at, end, &headers);
    return at == end && headers == 0 && span[OFFSET] > before ? at : NULL;
}

PyDoc_STRVAR(SPANS, "spans(records, count, offset, timestamp)\n--\n\n"
    "Return offset, time and place of the records of a batch; None where it is not sure or one of them has headers.");

static PyObject *spans(PyObject *Py_UNUSED(module), PyObject *arguments)
{
    const char *bytes;
    Py_ssize_t size, count;
    long long offset, timestamp;
    if (!PyArg_ParseTuple(arguments, "y#nLL", &bytes, &size, &count, &offset, &timestamp))
        return NULL;
    if (count < 1 || count > size / 7) /* a record has as many bytes at least */
        Py_RETURN_NONE;
    PyObject *made = PyByteArray_FromStringAndSize(NULL, count * SPAN * 8);
    if (!made)
        return NULL;
    const uint8_t *begin = (const uint8_t *)bytes, *at = begin;
    char *to = PyByteArray_AsString(made);
    int64_t span[SPAN] = {[OFFSET] = -1};
    for (Py_ssize_t n = 0; at && n < count; n++) {
        at = record(at, begin, begin + size, span);
        int64_t put[SPAN];
        memcpy(put, span, sizeof put);
        if (__builtin_add_overflow(span[OFFSET], offset, &put[OFFSET])
            || __builtin_add_overflow(span[TIMESTAMP], timestamp, &put[TIMESTAMP]))
            at = NULL;
        memcpy(to + n * (Py_ssize_t)sizeof put, put, sizeof put);
    }
    if (at == begin + size)
        return made;
    Py_DECREF(made);
    Py_RETURN_NONE;
}

/* --- what Python calls --------------------------------------------------------------------------------------------- */

static bool is_bytes(PyObject *object, const uint8_t **at, Py_ssize_t *size)
{
    if (!object || !PyBytes_Check(object))
        return false;
    *at = (const uint8_t *)PyBytes_AsString(object);
    *size = PyBytes_Size(object);
    return true;
}

static void take_spans(Columns *to, PyObject *pieces, const uint8_t *spans, Py_ssize_t count)
{
    for (Py_ssize_t row = 0; row < count; row++) {
        int64_t span[SPAN];
        const uint8_t *at;
        Py_ssize_t size;
        memcpy(span, spans + row * (Py_ssize_t)sizeof span, sizeof span);
        if (span[PIECE] < 0 || span[PIECE] >= PyList_Size(pieces)
            || !is_bytes(PyList_GetItem(pieces, (Py_ssize_t)span[PIECE]), &at, &size))
            continue;
        if (span[VALUE_AT] >= 0 && span[VALUE_AT] <= size && span[VALUE_SIZE] >= 0
            && span[VALUE_SIZE] <= size - span[VALUE_AT])
            take(to, row, at + span[VALUE_AT], (Py_ssize_t)span[VALUE_SIZE]);
    }
}

static void take_values(Columns *to, PyObject *values, Py_ssize_t count)
{
    for (Py_ssize_t row = 0; row < count; row++) {
        const uint8_t *at;
        Py_ssize_t size;
        if (is_bytes(PyList_GetItem(values, row), &at, &size))
            take(to, row, at, size);
    }
}

PyDoc_STRVAR(DECODE, "decode(values, spans, decimals, largest)\n--\n\n"
    "Return the columns of what it is sure of: of values, or where there are spans of what these name of the values.");

static PyObject *decode(PyObject *Py_UNUSED(module), PyObject *arguments)
{
    PyObject *values, *made = NULL;
    Columns to = {0};
    Py_buffer spans = {0};
    Py_ssize_t currencies;
    const char *decimals;
    if (!PyArg_ParseTuple(arguments, "O!z*y#n", &PyList_Type, &values, &spans, &decimals, &currencies, &to.largest))
        return NULL;
    to.decimals = (const uint8_t *)decimals;
    Py_ssize_t count = spans.obj ? spans.len / (SPAN * 8) : PyList_Size(values);
    if (currencies != CODES || count > INT32_MAX / 2) {
        PyErr_SetString(PyExc_ValueError, "not the decimals of each code, or too many values at once");
    } else if (begin(&to, count)) {
        if (spans.obj)
            take_spans(&to, values, spans.buf, count);
        else
            take_values(&to, values, count);
        made = columns(&to);
    }
    finish(&to);
    PyBuffer_Release(&spans);
    return made;
}

static PyMethodDef METHODS[] = {
    {"decode", decode, METH_VARARGS, DECODE},
    {"spans", spans, METH_VARARGS, SPANS},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef MODULE = {
    PyModuleDef_HEAD_INIT, "streams.shell._columns", "Columns of what records of `remittances` say.", 0, METHODS,
    NULL, NULL, NULL, NULL,
};

PyMODINIT_FUNC PyInit__columns(void)
{
    return PyModuleDef_Init(&MODULE);
}
