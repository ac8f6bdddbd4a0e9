#include "vxlanctl/files/table_reader.h"

#include "vxlanctl/base/closest.h"
#include "vxlanctl/base/format.h"

#include <algorithm>

namespace vxlanctl {
namespace {

template<class Attributes> Expected expected_of(const AttributeRow<Attributes>& row) {
    return std::visit(
        [&](auto member) {
            using T =
                typename std::decay_t<decltype(std::declval<Attributes>().*member)>::value_type;
            if constexpr (std::is_same_v<T, bool>)
                return Expected::boolean;
            else if constexpr (std::is_integral_v<T>)
                return row.word.word.empty() ? Expected::integer : Expected::integer_or_word;
            else
                return Expected::text;
        },
        row.member);
}

} // namespace

std::string_view name_of(const Written& value, std::string_view key) {
    return value.name.empty() ? key : value.name;
}

const Written* TableReader::required(std::string_view key, std::string_view subject) {
    const Written* const value = find(key);
    if (value == nullptr)
        errors_.add(Error(Code::key_missing, std::string(subject), {{"key", key}}),
                    table_.position);
    return value;
}

void TableReader::check_keys(const std::vector<std::string>& known) {
    for (const auto& value : table_.elements) {
        if (std::find(known.begin(), known.end(), value.key) != known.end()) continue;
        const std::string near = closest(value.key, known);
        Error unknown(Code::unknown_key, "", {{"key", value.key}});
        errors_.add(near.empty() ? std::move(unknown).also(Code::see_manual)
                                 : std::move(unknown).also(Code::did_you_mean, {{"word", near}}),
                    value.key_position);
    }
}

void TableReader::refuse(Error error, std::string_view key, const Written& value) {
    const auto name = name_of(value, key);
    if (!error.subject.starts_with(name)) error = with_subject(std::move(error), name).value();
    errors_.add(std::move(error), value.position);
}

void TableReader::wrong_type(std::string_view key, const Written& value,
                             std::string_view expected) {
    refuse(Error(Code::wrong_type, "", {{"expected", expected}, {"found", type_name(value.type)}}),
           key, value);
}

const std::string* TableReader::text_of(std::string_view key, const Written& value,
                                        Expected expected) {
    using enum Written::Type;
    constexpr std::string_view words[] = {"a string",           "a string or a table",
                                          "a string or a list", "a boolean",
                                          "an integer",         "an integer or a word"};
    const bool may_be_word = expected == Expected::integer_or_word;
    const bool may_be_number = may_be_word || expected == Expected::integer;
    // Digits in quotes are a number that should not have them.
    const bool is_word = value.text.empty() || value.text[0] < '0' || value.text[0] > '9';
    if (value.type == word || (value.type == integer && may_be_number) ||
        (value.type == boolean && expected == Expected::boolean) ||
        (value.type == text && (may_be_word ? is_word : expected < Expected::boolean)))
        return &value.text;
    if (may_be_word && value.type == text) expected = Expected::integer;
    wrong_type(key, value, words[static_cast<std::size_t>(expected)]);
    return nullptr;
}

std::optional<bool> TableReader::read_boolean(std::string_view key) {
    return read(
        key, [](const std::string& text) { return Result<bool>(text == "yes"); },
        Expected::boolean);
}

const std::vector<Written>* TableReader::find_list(std::string_view key) {
    const Written* const value = find(key);
    if (value == nullptr) return nullptr;
    if (value->type == Written::Type::list) return &value->elements;
    wrong_type(key, *value, "a list");
    return nullptr;
}

std::optional<std::uint32_t> TableReader::read_positive(std::string_view key) {
    const Written* const value = find(key);
    return read(
        key, value,
        [&](const std::string& text) { return parse_positive(name_of(*value, key), text); },
        Expected::integer);
}

template<class Attributes>
void TableReader::read_attribute(Attributes& attributes, const AttributeRow<Attributes>& row,
                                 TunnelKind kind, std::string_view key) {
    if (key.empty()) key = row.name;
    const Written* const value = find(key);
    const auto* const text = value == nullptr ? nullptr : text_of(key, *value, expected_of(row));
    if (text == nullptr) return;
    if (auto set = state_value(attributes, row, *text, kind); !set) {
        set.error().subject = formatted("{} '{}'", name_of(*value, key), *text);
        refuse(std::move(set.error()), key, *value);
    }
}
template void TableReader::read_attribute(LinkAttributes&, const AttributeRow<LinkAttributes>&,
                                          TunnelKind, std::string_view);
template void TableReader::read_attribute(TunnelAttributes&, const AttributeRow<TunnelAttributes>&,
                                          TunnelKind, std::string_view);

template<class Builder>
std::optional<typename Builder::Made> read_parts(const Written& element, std::string_view list,
                                                 SourceErrors& errors) {
    const auto singular = list.substr(0, list.size() - 1);
    TableReader reader(element, errors);
    const auto refused = [&](Error error) {
        reader.refuse(std::move(error), singular, element);
        return std::nullopt;
    };
    if (element.type == Written::Type::word) {
        auto parsed = Builder::parse(element.text);
        if (parsed) return std::move(*parsed);
        return refused(with_subject(parsed.error(), quote(element.text) + ":").value());
    }
    if (element.type != Written::Type::table) {
        reader.wrong_type(singular, element, "a table");
        return std::nullopt;
    }
    reader.check_keys(element_keys(list));
    const std::size_t errors_before = errors.count();
    Builder builder;
    for (const auto word : Builder::words) {
        const Written* const value = reader.find(word);
        const auto expected = word == "table"                          ? Expected::integer_or_word
                              : word == "metric" || word == "priority" ? Expected::integer
                                                                       : Expected::text;
        const auto* const text =
            value == nullptr ? nullptr : reader.text_of(word, *value, expected);
        if (text == nullptr) continue;
        if (auto taken = builder.take(word, *text); !taken)
            reader.refuse(taken.error(), word, *value);
    }
    auto built = builder.finish();
    if (errors.count() != errors_before) return std::nullopt;
    if (!built) return refused(built.error());
    return std::move(*built);
}
template std::optional<Route> read_parts<RouteBuilder>(const Written&, std::string_view,
                                                       SourceErrors&);
template std::optional<Rule> read_parts<RuleBuilder>(const Written&, std::string_view,
                                                     SourceErrors&);

} // namespace vxlanctl
