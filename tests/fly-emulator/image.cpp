#include "image.hpp"

#include "base/hash.hpp"
#include "base/text.hpp"

namespace flame::fly {

ImageRef parse_image_ref(std::string_view ref) {
  ImageRef out;
  if (const auto at = ref.find('@'); at != std::string_view::npos) {
    out.digest = ref.substr(at + 1);
    ref = ref.substr(0, at);
  }
  const auto slash = ref.find('/');
  const bool has_host =
      slash != std::string_view::npos && ref.substr(0, slash).find_first_of(".:") != std::string_view::npos;
  out.registry = has_host ? ref.substr(0, slash) : "registry-1.docker.io";
  if (has_host) ref.remove_prefix(slash + 1);
  const auto colon = ref.rfind(':');
  out.repository = ref.substr(0, colon);
  if (colon != std::string_view::npos) out.tag = ref.substr(colon + 1);
  if (out.tag.empty() && out.digest.empty()) out.tag = "latest";
  if (!has_host && out.repository.find('/') == std::string::npos)
    out.repository = "library/" + out.repository;
  return out;
}

boost::json::object Image::image_ref() const {
  const ImageRef parts = parse_image_ref(ref);
  return {{"registry", parts.registry},
          {"repository", parts.repository},
          {"tag", parts.tag},
          {"digest", digest},
          {"labels", nullptr}};
}

void Images::add(std::string_view ref, std::string_view directory) {
  const std::string digest = "sha256:" + hex(sha256(std::string(ref) + "\n" + std::string(directory)));
  images_.push_back({std::string(ref), std::string(directory), digest});
}

std::optional<Image> Images::find(std::string_view ref) const {
  const ImageRef wanted = parse_image_ref(ref);
  const Image* any = nullptr;
  for (const Image& image : images_) {
    if (image.ref == "*") any = &image;
    const ImageRef known = parse_image_ref(image.ref);
    if (known.registry != wanted.registry || known.repository != wanted.repository) continue;
    if (wanted.digest.empty() ? known.tag == wanted.tag : wanted.digest == image.digest) return image;
  }
  if (any == nullptr) return std::nullopt;
  Image out = *any;
  out.ref = ref;
  out.digest = "sha256:" + hex(sha256(wanted.registry + wanted.repository + wanted.tag + wanted.digest));
  if (!wanted.digest.empty()) out.digest = wanted.digest;
  return out;
}

}  // namespace flame::fly
