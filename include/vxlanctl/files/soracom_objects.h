#pragma once

#include "vxlanctl/files/json_objects.h"
#include "vxlanctl/files/soracom.h"

/// The objects in the texts of SORACOM's API, Gate peers and VPGs, and their values.
namespace vxlanctl {

constexpr std::string_view outer_key = "outerIpAddress", inner_key = "innerIpAddress",
                           netmask_key = "netmask", owned_key = "ownedByCustomer",
                           vni_key = "gateVxlanId", opened_key = "gateOpened", id_key = "vpgId",
                           redirection_key = "redirection",
                           separator_key = "gatePrivacySeparatorEnabled",
                           sim_routing_key = "enableSimBasedRouting",
                           sim_routes_key = "simBasedRoutingConfig", routes_key = "customerRoutes";
/// The second one is the older name.
constexpr std::string_view subnet_keys[] = {"deviceSubnetCidrRange", "ueSubnetCidrRange"};

/// An object with the text that it is in.
struct ApiObject {
    const SourceText* source;
    JsonObject object;
};

/// The value of a key; null where there is none.
const JsonValue* find(const JsonObject& object, std::string_view key);
/// Whether the value is a string or a number.
bool is_text(const JsonValue* value);
/// The text of a string or a number; empty where it is none.
std::string text_in(const JsonObject& object, std::string_view key);
/// Whether the value is true or false; empty where it is neither.
std::optional<bool> boolean_of(const JsonObject& object, std::string_view key);
/// What the value says, for people.
std::string shown(const ApiObject& object, std::string_view key);
/// `a, b, c`, and how many more there are.
std::string listed(const std::vector<std::string>& texts);

/// The error with the place where the value begins, or else the object.
tl::unexpected<Error> refuse(Error error, const ApiObject& object, std::size_t offset);
/// The same with the key as the subject.
tl::unexpected<Error> refuse(Error error, const ApiObject& object, std::string_view key);
/// The text of a value that has to be there.
Result<std::string> required(const ApiObject& object, std::string_view key,
                             std::string_view expected);

/// The entries of all lists of Gate peers.
Result<std::vector<ApiObject>> read_gate_peers(const SoracomTexts& texts);
/// The VPGs; none where no text is given.
Result<std::vector<ApiObject>> read_vpgs(const SoracomTexts& texts);
/// By the outer addresses of a VPG's own entries these; `self` is this host's, or null.
Result<std::map<IpAddress, const ApiObject*>>
peers_of(const std::vector<ApiObject>& entries, const ApiObject* self, const std::string& path);

} // namespace vxlanctl
