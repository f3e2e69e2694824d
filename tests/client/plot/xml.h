// SPDX-License-Identifier: Apache-2.0
// A small strict reader of the XML that an SVG writer may write: enough to refuse what a browser
// would refuse. No DTDs, comments, CDATA or processing instructions: the writer needs none.
#ifndef RHUMB_TESTS_CLIENT_PLOT_XML_H_
#define RHUMB_TESTS_CLIENT_PLOT_XML_H_

#include <algorithm>
#include <map>
#include <string>
#include <vector>

namespace rhumb::plot {

struct XmlElement {
  std::string name;
  std::map<std::string, std::string> attributes;
  std::string text;  // of it and all below, unescaped
};

struct XmlDocument {
  std::string error;  // empty: well-formed
  std::vector<XmlElement> elements;

  std::vector<XmlElement> Named(const std::string& name) const {
    std::vector<XmlElement> found;
    for (const XmlElement& element : elements) {
      if (element.name == name) found.push_back(element);
    }
    return found;
  }
  std::vector<XmlElement> OfClass(const std::string& name) const {
    std::vector<XmlElement> found;
    for (const XmlElement& element : elements) {
      const auto it = element.attributes.find("class");
      if (it != element.attributes.end() && it->second == name) found.push_back(element);
    }
    return found;
  }
  bool HasText(const std::string& text) const {
    for (const XmlElement& element : elements) {
      if (element.name == "text" && element.text == text) return true;
    }
    return false;
  }
};

inline std::string Unescaped(const std::string& text, std::string& error) {
  static const std::map<std::string, std::string> kEntities = {
      {"amp", "&"}, {"lt", "<"}, {"gt", ">"}, {"quot", "\""}, {"apos", "'"}};
  std::string plain;
  for (size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if (text[i] == '<') error = "a bare < in text";
    if (byte < 0x20 && text[i] != '\n' && text[i] != '\t' && text[i] != '\r') {
      error = "a control character";
    }
    if (text[i] != '&') {
      plain += text[i];
      continue;
    }
    const size_t end = text.find(';', i);
    const auto it = end == std::string::npos ? kEntities.end()
                                             : kEntities.find(text.substr(i + 1, end - i - 1));
    if (it == kEntities.end()) {
      error = "a bare & or an unknown entity in: " + text;
      return plain;
    }
    plain += it->second;
    i = end;
  }
  return plain;
}

inline XmlDocument ParseXml(const std::string& text) {
  XmlDocument document;
  std::vector<size_t> open;
  size_t at = 0;
  const auto fail = [&](const std::string& why) {
    if (document.error.empty()) document.error = why + " at byte " + std::to_string(at);
  };
  const auto is_name = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == ':' || c == '_';
  };
  const auto read_name = [&] {
    const size_t from = at;
    while (at < text.size() && is_name(text[at])) ++at;
    return text.substr(from, at - from);
  };
  const auto skip_blanks = [&] {
    while (at < text.size() && (text[at] == ' ' || text[at] == '\n')) ++at;
  };
  bool has_root = false;
  while (at < text.size() && document.error.empty()) {
    if (text[at] != '<') {
      const size_t end = std::min(text.find('<', at), text.size());
      const std::string plain = Unescaped(text.substr(at, end - at), document.error);
      if (open.empty() && plain.find_first_not_of(" \n") != std::string::npos) {
        fail("text outside the root");
      }
      for (const size_t i : open) document.elements[i].text += plain;
      at = end;
      continue;
    }
    ++at;
    if (at < text.size() && text[at] == '/') {
      ++at;
      const std::string name = read_name();
      if (open.empty() || document.elements[open.back()].name != name) {
        fail("</" + name + "> closes nothing");
        break;
      }
      open.pop_back();
      if (at >= text.size() || text[at] != '>') fail("no > after </" + name);
      ++at;
      continue;
    }
    XmlElement element;
    element.name = read_name();
    if (element.name.empty()) fail("a < without a name");
    if (open.empty() && has_root) fail("a second root");
    has_root = true;
    while (document.error.empty()) {
      const size_t before = at;
      skip_blanks();
      if (at >= text.size()) {
        fail("the end within a tag");
      } else if (text[at] == '>') {
        ++at;
        open.push_back(document.elements.size());
        document.elements.push_back(element);
        break;
      } else if (text[at] == '/') {
        ++at;
        if (at >= text.size() || text[at] != '>') fail("no > after /");
        ++at;
        document.elements.push_back(element);
        break;
      } else if (before == at) {
        fail("no blank before an attribute");
      } else {
        const std::string name = read_name();
        if (name.empty() || text.compare(at, 2, "=\"") != 0) {
          fail("a broken attribute");
          break;
        }
        at += 2;
        const size_t end = text.find('"', at);
        if (end == std::string::npos) {
          fail("an open attribute");
          break;
        }
        if (!element.attributes.emplace(name, Unescaped(text.substr(at, end - at), document.error))
                 .second) {
          fail("attribute " + name + " twice");
        }
        at = end + 1;
      }
    }
  }
  if (document.error.empty() && !open.empty()) {
    fail("<" + document.elements[open.back()].name + "> is not closed");
  }
  if (document.error.empty() && !has_root) fail("no root");
  return document;
}

}  // namespace rhumb::plot

#endif  // RHUMB_TESTS_CLIENT_PLOT_XML_H_
