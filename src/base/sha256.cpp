#include "vxlanctl/base/sha256.h"

#include <algorithm>
#include <bit>
#include <vector>

namespace vxlanctl {
namespace {

constexpr std::size_t block_size = 64;

// The first 32 bits of the fractional parts of the cube roots of the first 64 primes.
constexpr std::array<std::uint32_t, 64> round_constants{
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

using State = std::array<std::uint32_t, 8>;

// Those of the square roots of the first 8 primes.
constexpr State first_state{0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                            0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};

/// The words of the message schedule (FIPS 180-4, section 6.2.2).
std::array<std::uint32_t, 64> schedule_of(std::span<const std::uint8_t> block) {
    std::array<std::uint32_t, 64> words{};
    for (std::size_t i = 0; i < 16; ++i)
        for (std::size_t byte = 0; byte < 4; ++byte)
            words[i] = words[i] << 8 | block[4 * i + byte];
    for (std::size_t i = 16; i < words.size(); ++i) {
        const std::uint32_t early = words[i - 15], late = words[i - 2];
        words[i] = words[i - 16] + words[i - 7] +
                   (std::rotr(early, 7) ^ std::rotr(early, 18) ^ early >> 3) +
                   (std::rotr(late, 17) ^ std::rotr(late, 19) ^ late >> 10);
    }
    return words;
}

void take_block(State& state, std::span<const std::uint8_t> block) {
    const auto words = schedule_of(block);
    auto [a, b, c, d, e, f, g, h] = state;
    for (std::size_t i = 0; i < words.size(); ++i) {
        const std::uint32_t one = h + (std::rotr(e, 6) ^ std::rotr(e, 11) ^ std::rotr(e, 25)) +
                                  ((e & f) ^ (~e & g)) + round_constants[i] + words[i];
        const std::uint32_t two =
            (std::rotr(a, 2) ^ std::rotr(a, 13) ^ std::rotr(a, 22)) + ((a & b) ^ (a & c) ^ (b & c));
        h = g, g = f, f = e, e = d + one;
        d = c, c = b, b = a, a = one + two;
    }
    const State mixed{a, b, c, d, e, f, g, h};
    for (std::size_t i = 0; i < state.size(); ++i)
        state[i] += mixed[i];
}

/// The message, one bit, and its length in bits at the end of a block.
std::vector<std::uint8_t> padded(std::span<const std::uint8_t> message) {
    constexpr std::size_t length_size = 8;
    std::vector<std::uint8_t> bytes(message.begin(), message.end());
    bytes.push_back(0x80);
    const std::size_t beyond = (bytes.size() + length_size) % block_size;
    bytes.resize(bytes.size() + (beyond == 0 ? 0 : block_size - beyond));
    const std::uint64_t bits = std::uint64_t{message.size()} * 8;
    for (std::size_t i = 0; i < length_size; ++i)
        bytes.push_back(static_cast<std::uint8_t>(bits >> (56 - 8 * i)));
    return bytes;
}

} // namespace

Sha256 sha256(std::span<const std::uint8_t> message) {
    State state = first_state;
    const auto bytes = padded(message);
    for (std::size_t at = 0; at < bytes.size(); at += block_size)
        take_block(state, std::span(bytes).subspan(at, block_size));
    Sha256 digest{};
    for (std::size_t i = 0; i < digest.size(); ++i)
        digest[i] = static_cast<std::uint8_t>(state[i / 4] >> (24 - i % 4 * 8));
    return digest;
}

Sha256 hmac_sha256(std::span<const std::uint8_t> key, std::span<const std::uint8_t> message) {
    std::array<std::uint8_t, block_size> whole_key{};
    if (key.size() > block_size) {
        const Sha256 shorter = sha256(key);
        std::copy(shorter.begin(), shorter.end(), whole_key.begin());
    } else {
        std::copy(key.begin(), key.end(), whole_key.begin());
    }
    const auto digest_behind = [&](std::uint8_t pad, std::span<const std::uint8_t> rest) {
        std::vector<std::uint8_t> bytes;
        for (const std::uint8_t byte : whole_key)
            bytes.push_back(byte ^ pad);
        bytes.insert(bytes.end(), rest.begin(), rest.end());
        return sha256(bytes);
    };
    return digest_behind(0x5c, digest_behind(0x36, message));
}

} // namespace vxlanctl
