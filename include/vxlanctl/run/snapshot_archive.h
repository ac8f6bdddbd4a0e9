#pragma once

#include "vxlanctl/base/format.h"
#include "vxlanctl/base/json_members.h"
#include "vxlanctl/model/snapshot.h"
#include "vxlanctl/runtime/record_codec.h"

#include <charconv>
#include <concepts>
#include <limits>
#include <map>
#include <set>
#include <type_traits>

/// Values of a snapshot as JSON, and back. A type has one function `members(archive, value)` that
/// names its members for both ways. A member that has its default is left out.
namespace vxlanctl {

template<class T>
concept Number = (std::integral<T> || std::is_enum_v<T>)&&!std::same_as<T, bool>;

/// Two hexadecimal digits a byte.
inline std::string hexadecimal(std::span<const std::uint8_t> bytes) {
    std::string text;
    for (const auto byte : bytes)
        text += formatted("{:02x}", byte);
    return text;
}

/// The inverse; empty for any other text.
inline std::optional<std::vector<std::uint8_t>> bytes_of(const std::string& text) {
    std::vector<std::uint8_t> bytes(text.size() / 2);
    if (text.size() % 2 != 0) return std::nullopt;
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        const char* begin = text.data() + 2 * i;
        if (std::from_chars(begin, begin + 2, bytes[i], 16).ptr != begin + 2) return std::nullopt;
    }
    return bytes;
}

class SnapshotWriter {
public:
    template<class T> static nlohmann::json object_of(T value) {
        SnapshotWriter writer;
        members(writer, value);
        return std::move(writer.json_);
    }

    template<class T> void operator()(std::string_view name, const T& value) {
        if (const T none{}; is_default(value, none)) return;
        json_[std::string(name)] = of(value);
    }

private:
    template<class T> static bool is_default(const T& value, const T& none) {
        if constexpr (requires { value == none; })
            return value == none;
        else
            return false;
    }
    static nlohmann::json of(const bool& flag) { return flag; }
    template<Number T> static nlohmann::json of(const T& number) {
        if constexpr (std::is_enum_v<T>)
            return static_cast<unsigned>(number);
        else
            return number;
    }
    static nlohmann::json of(const std::string& text) { return printable(text); }
    static nlohmann::json of(const IpAddress& address) { return to_string(address); }
    static nlohmann::json of(const Prefix& prefix) { return to_string(prefix); }
    static nlohmann::json of(const MacAddress& mac) { return hexadecimal(mac.bytes); }
    static nlohmann::json of(const FloodEntry& peer) { return printable(peers_text({peer})); }
    static nlohmann::json of(const Record& record) {
        return nlohmann::json::parse(record_text(record));
    }
    static nlohmann::json of(const std::vector<std::byte>& bytes) {
        return hexadecimal({reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()});
    }
    static nlohmann::json of(const std::vector<std::uint8_t>& bytes) { return hexadecimal(bytes); }
    template<class T> static nlohmann::json of(const std::optional<T>& value) { return of(*value); }
    template<class T> static nlohmann::json of(const std::pair<T, T>& value) {
        return nlohmann::json::array({of(value.first), of(value.second)});
    }
    template<class T> static nlohmann::json of(const std::vector<T>& list) { return list_of(list); }
    static nlohmann::json of(const Links& links) { return list_of(links); }
    static nlohmann::json of(const std::set<std::string>& texts) {
        auto json = nlohmann::json::array();
        for (const auto& text : texts)
            json.push_back(of(text));
        return json;
    }
    template<class T> static nlohmann::json of(const std::map<std::string, T>& values) {
        nlohmann::json json;
        for (const auto& [name, value] : values)
            json[printable(name)] = of(value);
        return json;
    }
    template<class T> static nlohmann::json of(const T& value) { return object_of(value); }
    template<class List> static nlohmann::json list_of(const List& list) {
        auto json = nlohmann::json::array();
        for (const auto& value : list)
            json.push_back(of(value));
        return json;
    }

    nlohmann::json json_ = nlohmann::json::object();
};

/// The first member that is not what it should be.
struct SnapshotProblem {
    std::string member; ///< `namespaces.interfaces.mtu`; empty: there is none
};

class SnapshotReader {
public:
    template<class T>
    static void read_object(const nlohmann::json& json, T& value, const std::string& path,
                            SnapshotProblem& problem) {
        SnapshotReader reader(json, path, problem);
        if (!json.is_object()) return reader.fail("");
        members(reader, value);
    }

    template<class T> void operator()(std::string_view name, T& value) {
        const auto member = json_.find(std::string(name));
        value = T{};
        if (member == json_.end()) return;
        name_ = name;
        if (!read(*member, value)) fail(name);
    }

private:
    SnapshotReader(const nlohmann::json& json, std::string path, SnapshotProblem& problem)
        : json_(json), path_(std::move(path)), problem_(problem) {}

    void fail(std::string_view name) {
        if (problem_.member.empty())
            problem_.member = name.empty() ? path_ : formatted("{}.{}", path_, name);
    }

    static bool read(const nlohmann::json& json, bool& flag) {
        if (json.is_boolean()) flag = json.get<bool>();
        return json.is_boolean();
    }
    template<Number T> static bool read(const nlohmann::json& json, T& number) {
        std::uint64_t most = 2; // the last one of each enumeration here, or behind it
        if constexpr (!std::is_enum_v<T>)
            most = static_cast<std::uint64_t>(std::numeric_limits<T>::max());
        if (!json.is_number_unsigned() || json.get<std::uint64_t>() > most) return false;
        number = static_cast<T>(json.get<std::uint64_t>());
        return true;
    }
    static bool read(const nlohmann::json& json, std::string& text) {
        if (json.is_string()) text = json.get<std::string>();
        return json.is_string();
    }
    template<class T, class Parse>
    static bool read_text(const nlohmann::json& json, T& value, Parse parse) {
        if (!json.is_string()) return false;
        const auto parsed = parse(json.get<std::string>());
        if (parsed) value = *parsed;
        return parsed.has_value();
    }
    static bool read(const nlohmann::json& json, IpAddress& address) {
        return read_text(json, address, [](const auto& text) { return parse_address(text); });
    }
    static bool read(const nlohmann::json& json, Prefix& prefix) {
        return read_text(json, prefix, [](const auto& text) { return parse_prefix(text); });
    }
    static bool read(const nlohmann::json& json, FloodEntry& peer) {
        return read_text(json, peer, [](const auto& text) {
            const auto peers = parse_peers_text(text);
            return peers.size() == 1 ? std::optional(peers.front()) : std::nullopt;
        });
    }
    static bool read(const nlohmann::json& json, std::vector<std::uint8_t>& bytes) {
        return read_text(json, bytes, [](const auto& text) { return bytes_of(text); });
    }
    static bool read(const nlohmann::json& json, std::vector<std::byte>& bytes) {
        std::vector<std::uint8_t> numbers;
        if (!read(json, numbers)) return false;
        for (const auto number : numbers)
            bytes.push_back(static_cast<std::byte>(number));
        return true;
    }
    static bool read(const nlohmann::json& json, MacAddress& mac) {
        std::vector<std::uint8_t> bytes;
        if (!read(json, bytes) || bytes.size() != mac.bytes.size()) return false;
        std::copy(bytes.begin(), bytes.end(), mac.bytes.begin());
        return true;
    }
    static bool read(const nlohmann::json& json, Record& record) {
        const auto parsed = parse_record(json.dump());
        if (parsed) record = *parsed;
        return parsed.has_value();
    }
    template<class T> bool read(const nlohmann::json& json, std::optional<T>& value) {
        return read(json, value.emplace());
    }
    template<class T> bool read(const nlohmann::json& json, std::pair<T, T>& value) {
        return json.is_array() && json.size() == 2 && read(json[0], value.first) &&
               read(json[1], value.second);
    }
    template<class T> bool read(const nlohmann::json& json, std::vector<T>& list) {
        for (const auto& item : json)
            if (!read(item, list.emplace_back())) return false;
        return json.is_array();
    }
    bool read(const nlohmann::json& json, Links& links) {
        for (const auto& item : json) {
            Link link;
            if (!read(item, link)) return false;
            links.push_back(std::move(link));
        }
        return json.is_array();
    }
    bool read(const nlohmann::json& json, std::set<std::string>& texts) {
        for (const auto& item : json)
            if (item.is_string()) texts.insert(item.get<std::string>());
        return json.is_array();
    }
    template<class T> bool read(const nlohmann::json& json, std::map<std::string, T>& values) {
        if (!json.is_object()) return false;
        for (const auto& [name, item] : json.items())
            if (!read(item, values[name])) return false;
        return true;
    }
    template<class T> bool read(const nlohmann::json& json, T& value) {
        read_object(json, value, formatted("{}.{}", path_, name_), problem_);
        return true; // what is wrong inside has been noted
    }

    const nlohmann::json& json_;
    std::string path_;
    std::string_view name_;
    SnapshotProblem& problem_;
};

} // namespace vxlanctl
