"""一个保险库的几个副本：建立、跟上，以及说明有多安全。"""

COPIES = {
    "option.init-second": "在这里再放第二个副本，最好放在不同的另一块磁盘上。",
    "init.second": "第二个副本放在哪里，最好放在不同的另一块磁盘上（暂时不要请直接按回车）？",
    "init.done-second": "它的第二个副本在“{place}”。",
    "open.passed-over": "{why}现在改从另一个副本读取。",
    "open.older": "副本 {label} 比较旧：这台电脑在别的副本里见过的记录，它少 {records} 条，其中 {snapshots} 个是快照。",
    "stage.catch-up": "正在写入其他副本",
    "stage.read-back": "正在读回核对",
    "level.protected": "已受保护",
    "copies.protected": "已受保护：全部内容都已从两个副本读回，核对无误。",
    "copies.saved": "每个副本都已写好，但它们在同一块磁盘上，所以只算“已保存”，不算“已受保护”。",
    "copies.behind": "副本 {label} 还不是最新的。{why}已经保存的内容不受影响；下次做快照时会把它补齐。",
    "copies.lacks": "副本 {label} 缺少保险库的 {files} 个文件。用“vaultd check --read-data”可以看到详情。",
    "status.copy-away": "现在无法查看副本 {label}（“{url}”）。{why}",
    "status.copy-behind": "副本 {label}（“{url}”）比另一个副本少 {files} 个文件；剩余 {free:size}。",
    "status.one-place": "几个副本在同一块磁盘上，只算一处，所以这里最多只是“已保存”。",
    "status.not-read-back": "还没有从两个副本读回全部内容并核对。“vaultd snapshot”会做这件事。",
    "error.SamePlace": "“{place}”已经是另一个副本的位置。",
    "advice.SamePlace": "请在另一块磁盘上选一个文件夹；什么都没有改动。",
    "error.CopyGone": "“{place}”里应该有副本{copy:?“*”}，但是没有找到。",
    "advice.CopyGone": "它的磁盘也许没有接上，或没有挂载；请接好，再运行一次。没有往那里写入任何东西。",
}
