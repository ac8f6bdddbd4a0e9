#pragma once

#include "vxlanctl/files/route_words.h"
#include "vxlanctl/files/written.h"

namespace vxlanctl {

/// What an error calls the value: as the command line does, or else by its key.
std::string_view name_of(const Written& value, std::string_view key);

/// What a value may be written as; a word of a command line is taken for any of them.
enum class Expected : std::uint8_t {
    text,
    text_or_table, ///< a table is another reader's
    text_or_list,  ///< its elements are
    boolean,
    integer,
    integer_or_word
};

/// Elements of a list that are as they have to be, and how each one was written.
template<class T> struct ReadList {
    std::vector<T> values;
    std::vector<const Written*> written;
};

/// Reads the values of one table, and tells what is wrong with them.
class TableReader {
public:
    TableReader(const Written& table, SourceErrors& errors) : table_(table), errors_(errors) {}

    const Written* find(std::string_view key) const { return find_key(table_, key); }
    /// The value of a key that has to be there; `subject` is who misses it.
    const Written* required(std::string_view key, std::string_view subject);
    void check_keys(const std::vector<std::string>& known);

    /// The error with what the value is called before its subject, if it is not there yet.
    void refuse(Error error, std::string_view key, const Written& value);
    void wrong_type(std::string_view key, const Written& value, std::string_view expected);

    /// The text of a value of that type; null after its error was told.
    const std::string* text_of(std::string_view key, const Written& value,
                               Expected expected = Expected::text);
    /// A boolean; empty also where there is none.
    std::optional<bool> read_boolean(std::string_view key);
    /// The elements of a list; null also where there is none.
    const std::vector<Written>* find_list(std::string_view key);

    /// What `parse` makes of the text of the value, which may be null; empty after an error.
    template<class Parse>
    auto read(std::string_view key, const Written* value, Parse parse,
              Expected expected = Expected::text)
        -> std::optional<typename std::invoke_result_t<Parse, std::string>::value_type> {
        const std::string* const text = value == nullptr ? nullptr : text_of(key, *value, expected);
        if (text == nullptr) return std::nullopt;
        auto result = parse(*text);
        if (result) return std::move(*result);
        refuse(std::move(result.error()), key, *value);
        return std::nullopt;
    }
    template<class Parse>
    auto read(std::string_view key, Parse parse, Expected expected = Expected::text) {
        return read(key, find(key), parse, expected);
    }
    /// From 1 to 4294967295.
    std::optional<std::uint32_t> read_positive(std::string_view key);
    /// The attribute's value, where its key is there, which is its name if none is given.
    template<class Attributes>
    void read_attribute(Attributes& attributes, const AttributeRow<Attributes>& row,
                        TunnelKind kind, std::string_view key = "");

    /// What `read_one` makes of each element; empty where there is no list.
    template<class ReadOne> auto read_list(std::string_view key, ReadOne read_one) {
        using T = typename std::invoke_result_t<ReadOne, const Written&>::value_type;
        std::optional<ReadList<T>> list;
        const auto* const elements = find_list(key);
        if (elements == nullptr) return list;
        list.emplace();
        for (const auto& element : *elements)
            if (auto value = read_one(element)) {
                list->values.push_back(std::move(*value));
                list->written.push_back(&element);
            }
        return list;
    }

protected:
    const Written& table_;
    SourceErrors& errors_;
};

/// `{ to, via, dev, table, metric }` or `{ from, to, table, priority }`, or a word that has these.
/// `list` is the key of the list that it is in.
template<class Builder>
std::optional<typename Builder::Made> read_parts(const Written& element, std::string_view list,
                                                 SourceErrors& errors);

} // namespace vxlanctl
