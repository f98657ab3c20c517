"""一个保险库的几个副本：建立、跟上，以及说明有多安全。"""

COPIES = {
    "option.init-second": "在这里再放第二个副本，最好又在另一块磁盘上。",
    "init.second": "第二个副本放在哪里，最好又在另一块磁盘上（不要就按回车）？",
    "init.done-second": "它的第二个副本在“{place}”。",
    "open.passed-over": "{why}改从另一个副本读取。",
    "stage.catch-up": "正在写入其他副本",
    "stage.read-back": "正在读回核对",
    "level.protected": "已受保护",
    "copies.protected": "已受保护：全部内容都从两个副本读回，核对无误。",
    "copies.saved": "每个副本都有了。它们在同一块磁盘上，所以只是“已保存”，不是“已受保护”。",
    "copies.behind": "副本 {label} 没有跟上。{why}已经保存的不受影响；下一个快照会让这个副本跟上。",
    "copies.lacks": "副本 {label} 缺少保险库的 {files} 个文件。“vaultd check --read-data”会说明更多。",
    "status.copy-away": "现在看不到副本 {label}（“{url}”）。{why}",
    "status.copy-behind": "副本 {label}（“{url}”）比另一个副本少 {files} 个文件；剩余 {free:size}。",
    "status.one-place": "几个副本在同一块磁盘上，只算一处：这里最多只是“已保存”。",
    "status.not-read-back": "还没有把全部内容从两个副本读回核对。“vaultd snapshot”会做这件事。",
    "error.SamePlace": "“{place}”已经是另一个副本的位置。",
    "advice.SamePlace": "请在另一块磁盘上选一个文件夹；什么都没有改动。",
    "error.CopyGone": "“{place}”里没有应该在那里的副本{copy:?“*”}。",
    "advice.CopyGone": "它的磁盘也许没有接上，或没有挂载；请接上，再运行一次。没有往那里写入任何东西。",
}
