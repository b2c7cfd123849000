// Images: which directory of this computer stands for a reference.
#pragma once
#include <boost/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace flame::fly {

struct ImageRef {
  std::string registry, repository, tag, digest;
};
ImageRef parse_image_ref(std::string_view ref);

struct Image {
  std::string ref, directory, digest;
  boost::json::object image_ref() const;  // as in a Machine
};

class Images {
 public:
  // ref "*" stands for every reference that has no other. A digest is made from ref and directory.
  void add(std::string_view ref, std::string_view directory);
  // By tag, or by digest. nullopt: cannot be pulled.
  std::optional<Image> find(std::string_view ref) const;

 private:
  std::vector<Image> images_;
};

}  // namespace flame::fly
