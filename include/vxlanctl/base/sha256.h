#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

/// SHA-256 (FIPS 180-4) and its keyed form. The C library has neither, and a library for a few
/// bytes a run would be another package to depend on. The kernel's AF_ALG is a module that hardened
/// hosts, containers and services with RestrictAddressFamilies do not offer.
namespace vxlanctl {

using Sha256 = std::array<std::uint8_t, 32>;

Sha256 sha256(std::span<const std::uint8_t> message);
/// HMAC-SHA256 (RFC 2104), with a key of any length.
Sha256 hmac_sha256(std::span<const std::uint8_t> key, std::span<const std::uint8_t> message);

} // namespace vxlanctl
