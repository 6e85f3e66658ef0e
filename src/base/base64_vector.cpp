// SPDX-License-Identifier: Apache-2.0
// Intel's way works on six bits in each byte of a register: W. Muła and D. Lemire, "Faster Base64 Encoding and Decoding Using
// AVX2 Instructions", 2018. SSSE3 for 16 letters (every x86-64-v2 guest has it), AVX2 for 32. ARM's (every arm64 has NEON) loads
// three or four streams at once and looks all letters up in tables. The processor is asked by CPUID itself: not every compiler's
// runtime has what __builtin_cpu_supports() needs.
#include "base/base64_vector.hpp"

#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

namespace bellhop::base64::vector {
namespace {

#if defined(__x86_64__)

#define BELLHOP_SSSE3 __attribute__((target("ssse3")))
#define BELLHOP_AVX2 __attribute__((target("avx2")))

// From three bytes a, b, c to b, a, c, b: then every letter's six bits are within one 16-bit half.
#define BELLHOP_SPREAD 10, 11, 9, 10, 7, 8, 6, 7, 4, 5, 3, 4, 1, 2, 0, 1
// What to add to a value of 26..51 (0), of digits (1..10), of + and / (11, 12), of 0..25 (13).
#define BELLHOP_TO_LETTER 0, 0, 'A', '/' - 63, '+' - 62, -4, -4, -4, -4, -4, -4, -4, -4, -4, -4, 'a' - 26
// A letter is none when the bits of its upper half's class meet those of its lower half.
#define BELLHOP_LOW_CLASS 0x1A, 0x1B, 0x1B, 0x1B, 0x1A, 0x13, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x15
#define BELLHOP_HIGH_CLASS 0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 8, 4, 8, 4, 2, 1, 0x10, 0x10
// What to add to a letter, by its upper half; one less for '/'.
#define BELLHOP_TO_VALUE 0, 0, 0, 0, 0, 0, 0, 0, 26 - 'a', 26 - 'a', -'A', -'A', 4, 62 - '+', 63 - '/', 0
// From 32-bit words of 24 bits to bytes in their order.
#define BELLHOP_CLOSE_UP -1, -1, -1, -1, 12, 13, 14, 8, 9, 10, 4, 5, 6, 0, 1, 2

BELLHOP_SSSE3 std::size_t encode_ssse3(const unsigned char* in, std::size_t count, char* out)
{
    const __m128i spread = _mm_set_epi8(BELLHOP_SPREAD), to_letter = _mm_set_epi8(BELLHOP_TO_LETTER);
    std::size_t at = 0;
    for (; count - at >= 16; at += 12, out += 16) {
        const __m128i bytes = _mm_shuffle_epi8(_mm_loadu_si128(reinterpret_cast<const __m128i*>(in + at)), spread);
        const __m128i odd = _mm_mulhi_epu16(_mm_and_si128(bytes, _mm_set1_epi32(0x0FC0FC00)), _mm_set1_epi32(0x04000040));
        const __m128i even = _mm_mullo_epi16(_mm_and_si128(bytes, _mm_set1_epi32(0x003F03F0)), _mm_set1_epi32(0x01000010));
        const __m128i values = _mm_or_si128(odd, even);
        const __m128i upper = _mm_and_si128(_mm_cmpgt_epi8(_mm_set1_epi8(26), values), _mm_set1_epi8(13));
        const __m128i kind = _mm_or_si128(_mm_subs_epu8(values, _mm_set1_epi8(51)), upper);
        _mm_storeu_si128(reinterpret_cast<__m128i*>(out), _mm_add_epi8(values, _mm_shuffle_epi8(to_letter, kind)));
    }
    return at;
}

BELLHOP_SSSE3 std::size_t decode_ssse3(const unsigned char* in, std::size_t count, unsigned char* out)
{
    const __m128i low_class = _mm_set_epi8(BELLHOP_LOW_CLASS), high_class = _mm_set_epi8(BELLHOP_HIGH_CLASS),
                  to_value = _mm_set_epi8(BELLHOP_TO_VALUE), close_up = _mm_set_epi8(BELLHOP_CLOSE_UP),
                  slash = _mm_set1_epi8('/');
    std::size_t at = 0;
    for (; count - at >= 16; at += 16, out += 12) {
        const __m128i letters = _mm_loadu_si128(reinterpret_cast<const __m128i*>(in + at));
        const __m128i high = _mm_and_si128(_mm_srli_epi32(letters, 4), _mm_set1_epi8(0x0F));
        const __m128i low = _mm_and_si128(letters, _mm_set1_epi8(0x0F));
        const __m128i wrong = _mm_and_si128(_mm_shuffle_epi8(low_class, low), _mm_shuffle_epi8(high_class, high));
        if (_mm_movemask_epi8(_mm_cmpeq_epi8(wrong, _mm_setzero_si128())) != 0xFFFF)
            break;
        const __m128i kind = _mm_add_epi8(high, _mm_cmpeq_epi8(letters, slash));
        const __m128i values = _mm_add_epi8(letters, _mm_shuffle_epi8(to_value, kind));
        const __m128i halves = _mm_maddubs_epi16(values, _mm_set1_epi32(0x01400140));
        const __m128i words = _mm_madd_epi16(halves, _mm_set1_epi32(0x00011000));
        _mm_storeu_si128(reinterpret_cast<__m128i*>(out), _mm_shuffle_epi8(words, close_up));
    }
    return at;
}

BELLHOP_AVX2 std::size_t encode_avx2(const unsigned char* in, std::size_t count, char* out)
{
    const __m256i spread = _mm256_set_epi8(BELLHOP_SPREAD, BELLHOP_SPREAD),
                  to_letter = _mm256_set_epi8(BELLHOP_TO_LETTER, BELLHOP_TO_LETTER);
    std::size_t at = 0;
    for (; count - at >= 28; at += 24, out += 32) {
        const __m256i both =
            _mm256_inserti128_si256(_mm256_castsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i*>(in + at))),
                                    _mm_loadu_si128(reinterpret_cast<const __m128i*>(in + at + 12)), 1);
        const __m256i bytes = _mm256_shuffle_epi8(both, spread);
        const __m256i odd =
            _mm256_mulhi_epu16(_mm256_and_si256(bytes, _mm256_set1_epi32(0x0FC0FC00)), _mm256_set1_epi32(0x04000040));
        const __m256i even =
            _mm256_mullo_epi16(_mm256_and_si256(bytes, _mm256_set1_epi32(0x003F03F0)), _mm256_set1_epi32(0x01000010));
        const __m256i values = _mm256_or_si256(odd, even);
        const __m256i upper = _mm256_and_si256(_mm256_cmpgt_epi8(_mm256_set1_epi8(26), values), _mm256_set1_epi8(13));
        const __m256i kind = _mm256_or_si256(_mm256_subs_epu8(values, _mm256_set1_epi8(51)), upper);
        _mm256_storeu_si256(reinterpret_cast<__m256i*>(out), _mm256_add_epi8(values, _mm256_shuffle_epi8(to_letter, kind)));
    }
    return at;
}

BELLHOP_AVX2 std::size_t decode_avx2(const unsigned char* in, std::size_t count, unsigned char* out)
{
    const __m256i low_class = _mm256_set_epi8(BELLHOP_LOW_CLASS, BELLHOP_LOW_CLASS),
                  high_class = _mm256_set_epi8(BELLHOP_HIGH_CLASS, BELLHOP_HIGH_CLASS),
                  to_value = _mm256_set_epi8(BELLHOP_TO_VALUE, BELLHOP_TO_VALUE),
                  close_up = _mm256_set_epi8(BELLHOP_CLOSE_UP, BELLHOP_CLOSE_UP), slash = _mm256_set1_epi8('/'),
                  join = _mm256_setr_epi32(0, 1, 2, 4, 5, 6, 7, 7);
    std::size_t at = 0;
    for (; count - at >= 32; at += 32, out += 24) {
        const __m256i letters = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(in + at));
        const __m256i high = _mm256_and_si256(_mm256_srli_epi32(letters, 4), _mm256_set1_epi8(0x0F));
        const __m256i low = _mm256_and_si256(letters, _mm256_set1_epi8(0x0F));
        if (!_mm256_testz_si256(_mm256_shuffle_epi8(low_class, low), _mm256_shuffle_epi8(high_class, high)))
            break;
        const __m256i kind = _mm256_add_epi8(high, _mm256_cmpeq_epi8(letters, slash));
        const __m256i values = _mm256_add_epi8(letters, _mm256_shuffle_epi8(to_value, kind));
        const __m256i halves = _mm256_maddubs_epi16(values, _mm256_set1_epi32(0x01400140));
        const __m256i words = _mm256_shuffle_epi8(_mm256_madd_epi16(halves, _mm256_set1_epi32(0x00011000)), close_up);
        _mm256_storeu_si256(reinterpret_cast<__m256i*>(out), _mm256_permutevar8x32_epi32(words, join));
    }
    return at;
}

bool has_ssse3()
{
    unsigned a = 0, b = 0, c = 0, d = 0;
    return __get_cpuid(1, &a, &b, &c, &d) && (c & bit_SSSE3);
}

bool has_avx2()
{
    unsigned a = 0, b = 0, c = 0, d = 0;
    if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & bit_OSXSAVE))
        return false;
    unsigned saved = 0, unused = 0;
    __asm__("xgetbv" : "=a"(saved), "=d"(unused) : "c"(0));
    if ((saved & 6) != 6)  // the kernel does not keep the wide registers
        return false;
    return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b & bit_AVX2);
}

#elif defined(__aarch64__)

uint8x16x4_t table_of(const unsigned char* first)
{
    return {{vld1q_u8(first), vld1q_u8(first + 16), vld1q_u8(first + 32), vld1q_u8(first + 48)}};
}

std::size_t encode_neon(const unsigned char* in, std::size_t count, char* out)
{
    const uint8x16x4_t letters = table_of(reinterpret_cast<const unsigned char*>(alphabet));
    const uint8x16_t six = vdupq_n_u8(63);
    std::size_t at = 0;
    for (; count - at >= 48; at += 48, out += 64) {
        const uint8x16x3_t three = vld3q_u8(in + at);
        uint8x16x4_t four;
        four.val[0] = vqtbl4q_u8(letters, vshrq_n_u8(three.val[0], 2));
        four.val[1] = vqtbl4q_u8(letters, vandq_u8(vorrq_u8(vshlq_n_u8(three.val[0], 4), vshrq_n_u8(three.val[1], 4)), six));
        four.val[2] = vqtbl4q_u8(letters, vandq_u8(vorrq_u8(vshlq_n_u8(three.val[1], 2), vshrq_n_u8(three.val[2], 6)), six));
        four.val[3] = vqtbl4q_u8(letters, vandq_u8(three.val[2], six));
        vst4q_u8(reinterpret_cast<unsigned char*>(out), four);
    }
    return at;
}

// A look behind the table's end gives 0 (or leaves what was there), so two tables of 64 cover the letters; a byte of 128 and more
// is in neither, and is caught by its own upper bit.
uint8x16_t values_of(uint8x16_t letters, const uint8x16x4_t& low, const uint8x16x4_t& high)
{
    return vorrq_u8(vqtbx4q_u8(vqtbl4q_u8(low, letters), high, vsubq_u8(letters, vdupq_n_u8(64))),
                    vandq_u8(letters, vdupq_n_u8(128)));
}

std::size_t decode_neon(const unsigned char* in, std::size_t count, unsigned char* out)
{
    const uint8x16x4_t low = table_of(value_of.data()), high = table_of(value_of.data() + 64);
    std::size_t at = 0;
    for (; count - at >= 64; at += 64, out += 48) {
        uint8x16x4_t four = vld4q_u8(in + at);
        for (uint8x16_t& one : four.val)
            one = values_of(one, low, high);
        const uint8x16_t any = vorrq_u8(vorrq_u8(four.val[0], four.val[1]), vorrq_u8(four.val[2], four.val[3]));
        if (vmaxvq_u8(any) > 63)
            break;
        uint8x16x3_t three;
        three.val[0] = vorrq_u8(vshlq_n_u8(four.val[0], 2), vshrq_n_u8(four.val[1], 4));
        three.val[1] = vorrq_u8(vshlq_n_u8(four.val[1], 4), vshrq_n_u8(four.val[2], 2));
        three.val[2] = vorrq_u8(vshlq_n_u8(four.val[2], 6), four.val[3]);
        vst3q_u8(out, three);
    }
    return at;
}

#endif

}  // namespace

Ways small_ways()
{
#if defined(__x86_64__)
    static const bool can = has_ssse3();
    return can ? Ways{&encode_ssse3, &decode_ssse3} : Ways{};
#elif defined(__aarch64__)
    return {&encode_neon, &decode_neon};
#else
    return {};
#endif
}

Ways ways()
{
#if defined(__x86_64__)
    static const bool can = has_avx2();
    return can ? Ways{&encode_avx2, &decode_avx2} : small_ways();
#else
    return small_ways();
#endif
}

}  // namespace bellhop::base64::vector
